// Scopes of variables: the variables in builds, in releases, and in images.

import { expect, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { call, createApp, ended, logOf, operated, page } from "./slipway.ts";

const sees = "${OF_BUILDS-none} ${OF_RELEASES-none} ${OF_BOTH-none}";
/** During the build, variables are passed to buildpacks as files. */
const compile = 'cd "$3"; echo "the build sees $(ls | grep ^OF_ | sort | xargs)"';

test("a build gets no variable of releases only, and a release none of builds only, also after a restart and a rollback", async () => {
  const app = await createApp("scopes");
  const set = (variables: readonly object[]) => call("PUT", `/v1/apps/${app.name}/variables`, { variables });
  await set([
    { name: "OF_BUILDS", value: "b", scope: "build" },
    { name: "OF_RELEASES", value: "r", scope: "run" },
    { name: "OF_BOTH", value: "1" },
  ]);
  const log = await logOf(app.name, await packTarGz(inlineApp(compile, answering(sees))), "success");
  expect(log).toContain("the build sees OF_BOTH OF_BUILDS\n");
  expect(await page(app.name)).toBe("none r 1");
  await set([{ name: "OF_BOTH", value: "2" }]);
  expect(await operated(app, "restart")).toMatchObject({ status: "done" });
  expect(await page(app.name)).toBe("none r 2");
  const { deployment } = await call<{ deployment: { id: string } }>(
    "POST",
    `/v1/apps/${app.name}/deployments`,
    { deployment: { release: 1 } },
  );
  expect((await ended(app.name, deployment.id)).status).toBe("success");
  expect(await page(app.name)).toBe("none r 2");
});
