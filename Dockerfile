# The nightload worker; the same image runs the command line and the simulated org.
# Debian, not Alpine: Temporal's native library needs glibc.
# scripts/pin-images.mjs writes the digest.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install script is needed: nothing is compiled, and `prepare` would build before the sources are copied.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
# Bundles the workflows too, so that a worker starts at once.
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts
# Temporal's native library includes five platforms: keeps this image's only.
RUN find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} +

FROM ${NODE_IMAGE}
# System certificates: Temporal's native library reads these, not Node's.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY LICENSE ./
COPY docker/worker-health.mjs docker/
RUN ln -s /app/dist/cli/main.js /usr/local/bin/nightload && mkdir /data && chown node:node /data
# One arena: network buffers would fragment each of several, and the memory of a long load would grow.
ENV NODE_ENV=production NIGHTLOAD_FILE_ROOTS=/data MALLOC_ARENA_MAX=1
USER node
# Source files and results.
VOLUME /data
WORKDIR /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["node", "/app/docker/worker-health.mjs"]
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["worker"]
