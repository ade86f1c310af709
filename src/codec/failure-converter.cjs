// Messages and stack traces of failures as payloads, so that a codec encrypts them too. Plain JavaScript: the SDK loads
// it by its path, in this process and into the bundle of the workflows.
'use strict';

const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
