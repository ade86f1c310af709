// Encodes messages and stack traces of failures as payloads, so that a codec encrypts them too. Plain JavaScript: the
// SDK loads it by its path, in this process and in the workflow bundle.
'use strict';

const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
