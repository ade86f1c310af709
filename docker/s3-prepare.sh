#!/bin/sh
# Prepares a folder for the S3 server of docker-compose.s3.yml: a certificate that the workers trust, its key, and the
# bucket "nightload". Idempotent; a certificate that ends within 30 days is made anew (then recreate the containers).
#   docker/s3-prepare.sh object-store
set -eu

FOLDER="${1:?the folder, such as object-store}"
umask 077
mkdir -p "$FOLDER/buckets/nightload"
cd "$FOLDER"

if openssl x509 -checkend 2592000 -noout -in certificate.pem > /dev/null 2>&1 && [ -s key.pem ]; then
  echo "The certificate in $FOLDER is valid."
  exit 0
fi
# Names: the service's own, and loopback for the tests.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
  -subj '/CN=nightload object store' -addext 'subjectAltName=DNS:s3,DNS:localhost,IP:127.0.0.1' \
  -keyout key.new -out certificate.new 2> /dev/null
mv key.new key.pem
mv certificate.new certificate.pem
echo "The certificate in $FOLDER is new."
