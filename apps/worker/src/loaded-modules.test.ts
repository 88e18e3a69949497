import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/**
 * Prints the packages that a worker loads at its start. A separate process, because other tests may have loaded more packages in this one.
 */
const script = `
  import { registerHooks } from "node:module";
  const loaded = new Set();
  registerHooks({
    load(url, context, next) {
      const name = /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
      if (name !== undefined) loaded.add(name);
      return next(url, context);
    },
  });
  await import(${JSON.stringify(new URL("app.ts", import.meta.url).href)});
  console.log(JSON.stringify([...loaded]));
`;

test("a worker starts without the libraries that only some deployments need", async () => {
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  const loaded = JSON.parse((await run).stdout) as readonly string[];
  expect(loaded).toContain("bullmq");
  const rare = /^(@grpc|@bufbuild|@opentelemetry|@cyclonedx)\/|^(ajv|dockerfile-ast|pino-pretty|mongodb)$/;
  expect(loaded.filter((name) => rare.test(name))).toEqual([]);
});
