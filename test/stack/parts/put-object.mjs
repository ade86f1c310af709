// `node put-object.mjs s3://bucket/key`: writes standard input there, with the AWS settings of the environment.
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(process.argv[2] ?? '') ?? [];
const client = new S3Client({ forcePathStyle: true });
await new Upload({ client, params: { Bucket, Key, Body: process.stdin } }).done();
