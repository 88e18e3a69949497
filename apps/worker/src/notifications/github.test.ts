import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { aNewDeployment, anApp, lacksRedis, stepsTo } from "@slipway/testkit";
import { expect, test } from "vitest";
import { openTestContext } from "../../test-support/test-context.ts";
import { commitOf, outcomeOf, setCommitStatus } from "./github.ts";

const hash = "0123456789abcdef0123456789abcdef01234567";
const of = (url: string, gitRef: string | null = null) => commitOf({ source: { kind: "url", url }, gitRef });

test.for([
  ["https://github.com/acme/app/archive/v1.2.tar.gz", "v1.2"],
  ["https://github.com/acme/app/archive/refs/heads/feature/x.tar.gz", "feature/x"],
  ["https://github.com/acme/app/archive/refs/tags/v1.tgz?token=1", "v1"],
  [`https://github.com/acme/app/archive/${hash}.tar.gz`, hash],
  ["https://codeload.github.com/acme/app/tar.gz/refs/heads/main", "main"],
  ["https://codeload.github.com/acme/app/legacy.tar.gz/v1", "v1"],
  ["https://api.github.com/repos/acme/app/tarball/feature%2Fx", "feature/x"],
] as const)("the URL %s is an archive of %s", ([url, ref]) => {
  expect(of(url)).toEqual({ owner: "acme", repository: "app", ref });
});

test.for([
  "https://example.com/acme/app/archive/v1.tar.gz",
  "https://github.com.example.com/acme/app/archive/v1.tar.gz",
  "https://github.com/acme/app/releases/download/v1/app.tar.gz",
  "https://github.com/../../archive/v1.tar.gz",
  "https://github.com/acme/app/archive/100%.tar.gz",
])("%s is not an archive of GitHub", (url) => {
  expect(of(url)).toBeNull();
  expect(commitOf({ source: { kind: "upload", sourceId: "s" }, gitRef: hash })).toBeNull();
});

test("a git_ref that is a hash names the commit of a branch's archive", () => {
  expect(of("https://github.com/acme/app/archive/main.tar.gz", hash)?.ref).toBe(hash);
  expect(of("https://github.com/acme/app/archive/main.tar.gz", "main")?.ref).toBe("main");
});

test.skipIf(await lacksRedis())(
  "a deployment that ends while its status is being sent has its final status sent too",
  async () => {
    await using opened = new AsyncDisposableStack();
    const context = await openTestContext(opened, {});
    const { deployments } = context.store;
    const app = anApp();
    const source = { kind: "url", url: `https://github.com/acme/app/archive/${hash}.tar.gz` } as const;
    const created = await deployments.create(aNewDeployment({ appId: app.id, source }));
    const received: unknown[] = [];
    const respond = async (request: IncomingMessage, response: ServerResponse) => {
      received.push(JSON.parse(await text(request)));
      if (received.length === 1)
        for (const step of stepsTo(created, "success")) await deployments.compareAndSet(step);
      response.writeHead(201).end("{}");
    };
    const github = createServer((request, response) => void respond(request, response));
    opened.defer(() => void github.close());
    await once(github.listen(0, "127.0.0.1"), "listening");
    const config = {
      ...context.config,
      githubApiUrl: `http://127.0.0.1:${(github.address() as AddressInfo).port}`,
    };
    const job = {
      deliveryId: "d",
      appId: app.id,
      notifierId: "n",
      deploymentId: created.id,
      event: "deployment_queued",
      at: "",
    } as const;
    const target = { platform: "github", token: "ghp_secret" } as const;
    const outcome = await setCommitStatus({ ...context, config }, target, { job, app, deployment: created });
    expect(outcome).toMatchObject({ kind: "delivered", status: 201 });
    expect(received).toMatchObject([{ state: "pending" }, { state: "success" }]);
  },
);

test.each([
  [403, {}, "refused"],
  [403, { "x-ratelimit-remaining": "12" }, "refused"],
  [403, { "x-ratelimit-remaining": "0" }, "failed"],
  [403, { "retry-after": "60" }, "failed"],
  [404, { "x-ratelimit-remaining": "0" }, "refused"],
  [429, {}, "failed"],
])("GitHub's response %i with the headers %j counts as %s", (status, headers, kind) => {
  expect(outcomeOf({ status, error: null, headers })).toMatchObject({ kind });
});
