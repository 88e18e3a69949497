// Where the phrases are errors. It grows, folder by folder, until it covers everything; elsewhere they are warnings.

/** Globs of files, relative to the repository. */
export const covered: readonly string[] = [
  "*.md",
  "docs/**",
  ".github/**",
  ".env.example",
  "docker-compose.yml",
  "apps/*/src/config.ts",
  "apps/worker/**",
  "packages/service/src/*settings.ts",
  "packages/service/src/setting-docs.ts",
  "apps/{cli,router,stream}/**",
  "packages/{async,buildpacks,bus,core,deployments,docker,engine,logs,outbound,protocol}/**",
  "packages/{registry,scheduler,service,setup,store,testkit}/**",
  "{bench,samples,stacks,test,tools}/**",
  "vitest.config.ts",
];

/** Everything that people wrote: the rest is warned about. */
export const everything: readonly string[] = [
  ...covered,
  "{apps,packages,tools,test,bench}/**/*.{ts,mts,mjs,lua}",
  "{stacks,samples,test}/**/*",
];

/** Files that have the phrases because they are about them. */
export const exempt: readonly string[] = ["tools/src/plain-words/**"];
