// Builds with unusable results or endless processes: the deployment fails once with the reason, or continues without them.

import { expect, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { createApp, deployed, page } from "../e2e/slipway.ts";

/** An app that also runs this script in its bin/release, the last script of a build. */
function lastly(script: string) {
  const release = `#!/bin/bash\n${script}\necho 'default_process_types: {web: x}'\n`;
  return packTarGz({ ...inlineApp("true", ""), "sample/bin/release": release });
}

test.for([
  ["a file in place of its directory", 'rm -rf "$1"; echo x >"$1"', "a regular file"],
  ["a link in place of its directory", 'rm -rf "$1"; ln -s /proc/self/fd/8 "$1"', "a symbolic link"],
  ["a link to itself in place of it", 'rm -rf "$1"; ln -s build "$1"', "a symbolic link"],
  ["no directory", 'rm -rf "$1"', "nothing"],
])("a build that leaves %s is a build-error, at once", async ([, script, kind]) => {
  const app = await createApp("hostile");
  const { deployment, log } = await deployed(app.name, await lastly(script ?? ""));
  const message = `the build must leave a directory at /work/build, but left ${kind}`;
  expect(deployment).toMatchObject({ status: "build-error", failure: { code: "build-failed", message } });
  expect(log).not.toContain("The platform failed");
});

test("a build with a huge result is a build-error, at once", async () => {
  const app = await createApp("hostile");
  const { deployment, log } = await deployed(app.name, await lastly("cd /work/result; truncate -s 4G x"));
  expect(deployment).toMatchObject({ status: "build-error", failure: { code: "build-failed" } });
  expect(log).toContain("The result of the build in /work/result is invalid: it is larger than");
});

test("a built app that no image can contain fails its deployment without a retry", async () => {
  const app = await createApp("hostile");
  const refused = async (compile: string) => {
    const { deployment, log } = await deployed(
      app.name,
      await packTarGz(inlineApp(compile, answering("never"))),
    );
    expect(log).not.toContain("The platform failed");
    return deployment;
  };
  // The engine packs a large app. In the tar of a small app, a second pipe replaces the link, and pipes are left out.
  const large = 'head -c 300000 /dev/zero > "$1/large"';
  expect(await refused(`${large}; mkfifo "$1/pipe"; ln "$1/pipe" "$1/second"`)).toMatchObject({
    failure: { code: "build-failed", message: expect.stringContaining("second is a hard link to pipe") },
  });
  expect(await refused('truncate -s 4G "$1/x"')).toMatchObject({ failure: { code: "image-too-large" } });
});

test.for([
  ["points out of itself", 'ln -s ../../etc "$2/e"', 'symbolic link to "../../etc"'],
  ["has a huge file", 'truncate -s 4G "$2/x"', "unpacks to more than"],
])("a cache that %s is deleted, and the app is deployed with and after it", async ([, compile, reason]) => {
  const app = await createApp("cache");
  const archive = await packTarGz(inlineApp(`ls -A "$2"\n${compile}`, answering("kept up")));
  const first = await deployed(app.name, archive);
  expect(first.deployment.status).toBe("success");
  expect(first.log).toMatch(/ ! {5}The build cache is deleted, and the next build begins without it: .+\n/);
  expect(first.log).toContain(reason);
  const second = await deployed(app.name, archive);
  expect(second.deployment.status).toBe("success");
  expect(await page(app.name)).toBe("kept up");
});

test("a build and a hook end although processes that they started still run", async () => {
  const app = await createApp("behind");
  const files = {
    "bin/detect": "#!/bin/bash\nsetsid sleep 600 &\necho Behind\n",
    Procfile: `web: ${answering("ended")}\npostdeploy: setsid sleep 600 & echo hooked\n`,
  };
  const compile = "echo begun; setsid sleep 600 & echo done";
  const { deployment, log } = await deployed(app.name, await packTarGz(inlineApp(compile, "", files)));
  expect(deployment.status).toBe("success");
  expect(log).toMatch(/Behind app detected\nbegun\ndone\n(.*\n)*hooked\n/);
  expect(await page(app.name)).toBe("ended");
});

test("a build ends although a process that a script of package.json started still runs", async () => {
  const app = await createApp("behind");
  const scripts = { build: "setsid sleep 600 & echo built", start: "node server.js" };
  const archive = await packTarGz({
    "app/package.json": JSON.stringify({ name: "app", version: "1.0.0", engines: { node: "24.x" }, scripts }),
    "app/package-lock.json": JSON.stringify({
      name: "app",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: { "": { name: "app", version: "1.0.0", engines: { node: "24.x" } } },
    }),
    "app/server.js":
      'require("http").createServer((_, answer) => answer.end("ended")).listen(process.env.PORT);',
  });
  const { deployment, log } = await deployed(app.name, archive);
  expect(deployment.status).toBe("success");
  expect(log).toMatch(/Running the script build\n(.*\n)* {7}built\n/);
  expect(await page(app.name)).toBe("ended");
});
