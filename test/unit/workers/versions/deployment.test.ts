import { expect, it } from 'vitest';
import { VERSION } from '../../../../src/runtime/version.js';
import { deploymentFrom, deploymentOptions } from '../../../../src/workers/versions/deployment.js';

it('is off without NIGHTLOAD_DEPLOYMENT', () => {
  expect(deploymentFrom({ NIGHTLOAD_BUILD_ID: '7', NIGHTLOAD_DEPLOYMENT: ' ' })).toBeUndefined();
  expect(deploymentOptions(undefined)).toEqual({});
});

it('its build id is the version of the package, unless it is set', () => {
  expect(deploymentFrom({ NIGHTLOAD_DEPLOYMENT: 'night' })).toEqual({ name: 'night', buildId: VERSION });
  expect(deploymentFrom({ NIGHTLOAD_DEPLOYMENT: 'night', NIGHTLOAD_BUILD_ID: '1.2.0+abc' })).toEqual({
    name: 'night',
    buildId: '1.2.0+abc',
  });
});

it.each([
  ['NIGHTLOAD_DEPLOYMENT', 'with.dot'],
  ['NIGHTLOAD_DEPLOYMENT', 'x'.repeat(81)],
  ['NIGHTLOAD_BUILD_ID', 'a:b'],
  ['NIGHTLOAD_BUILD_ID', "a' OR 1"],
])('refuses %s=%s, naming the setting', (name, value) => {
  expect(() => deploymentFrom({ NIGHTLOAD_DEPLOYMENT: 'night', [name]: value })).toThrow(
    expect.objectContaining({ code: 'INVALID_DEPLOYMENT', message: expect.stringContaining(name) as string }) as Error,
  );
});
