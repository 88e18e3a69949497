# One image for every process of Slipway; the command chooses: node apps/api/src/main.ts, apps/stream, apps/router, apps/worker, …
# Node.js runs the TypeScript as it is, so the image is the repository's layout with the packages it needs.

ARG NODE_IMAGE=node:24-bookworm-slim
# Where packages are installed. Nothing of it but the packages gets into the result, so it may trust a company's
# certificate authorities and hold the credentials of its npm registry.
ARG PACKAGES_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS manifests
WORKDIR /slipway
COPY . .
# what packages are installed depends on nothing else: a change of code does not install them again
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM ${PACKAGES_IMAGE} AS packages
WORKDIR /slipway
COPY --from=manifests /slipway ./
# no package needs its install script, and none of the optional ones is needed; see docs/adr/0009-npm-install.md for why not `npm ci`
RUN npm install --no-save --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error

# the web console; only its own packages, with the optional ones, which hold the programs that build it
FROM ${PACKAGES_IMAGE} AS console
WORKDIR /slipway
COPY --from=manifests /slipway ./
RUN npm install --no-save --workspace=apps/console --ignore-scripts --no-audit --no-fund --loglevel=error
COPY tsconfig.json ./
COPY apps/console apps/console
COPY packages packages
RUN cd apps/console && node ../../node_modules/vite/bin/vite.js build

FROM ${NODE_IMAGE}
ENV NODE_ENV=production DATA_DIR=/data
# workers fetch buildpacks with git; HAProxy is for ROUTER_HAPROXY
RUN command -v git >/dev/null || (apt-get update && apt-get install --yes --no-install-recommends git ca-certificates haproxy \
  && rm -rf /var/lib/apt/lists/*)
RUN mkdir /data && chown node:node /data
WORKDIR /slipway
COPY --from=packages /slipway ./
COPY apps apps
COPY packages packages
COPY stacks stacks
COPY --from=console /slipway/apps/console/dist apps/console/dist
USER node
CMD ["node", "apps/api/src/main.ts"]
