import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { label } from "@slipway/core";
import { testsOf } from "../config.ts";
import { requestEngine } from "./engine-api.ts";
import { startEngineProxy } from "./engine-proxy.ts";
import { removeInstallation } from "./remove-all.ts";
import { lacksEngine, testEngine } from "./test-engine.ts";

test.skipIf(await lacksEngine())(
  "an installation is removed though the engine refuses at first; permanent refusals are reported, and nothing else remains",
  async () => {
    const { dockerHost, stackImage } = await testEngine();
    const id = `${testsOf}-${randomBytes(4).toString("hex")}`;
    const labels = { [label.installation]: id };
    onTestFinished(() => removeInstallation(dockerHost, id));
    const make = async (path: string, body: object) => {
      await requestEngine(dockerHost, "POST", path, { Labels: labels, ...body });
    };
    const makeAll = async () => {
      await make(`/containers/create?name=${id}`, { Image: stackImage });
      await make("/networks/create", { Name: id });
      await make("/volumes/create", { Name: id });
    };
    const exists = async (kind: string) =>
      (await requestEngine(
        dockerHost,
        "GET",
        kind === "containers" ? `/containers/${id}/json` : `/${kind}/${id}`,
      )) !== null;
    const refused = new Map([
      ["containers", { status: 409, message: "removal of the container is already in progress" }],
      ["networks", { status: 403, message: "the network has active endpoints" }],
      ["volumes", { status: 409, message: "the volume is in use" }],
    ]);
    await using passing = await startEngineProxy(dockerHost, {
      refuse(request) {
        const [, method, kind = ""] = /^(\w+) \/(\w+)/.exec(request) ?? [];
        const refusal = method === "DELETE" ? refused.get(kind) : undefined;
        refused.delete(kind);
        return refusal;
      },
    });
    await makeAll();
    await removeInstallation(passing.dockerHost, id);
    const left = await Promise.all(["containers", "networks", "volumes"].map(exists));
    expect([refused.size, left]).toEqual([0, [false, false, false]]);

    await using lasting = await startEngineProxy(dockerHost, {
      refuse: (request) =>
        request.startsWith("DELETE /networks/")
          ? { status: 403, message: "the network has active endpoints" }
          : undefined,
    });
    await makeAll();
    await expect(removeInstallation(lasting.dockerHost, id, 0)).rejects.toThrow(
      /403 to DELETE \/networks\/.*active endpoints/,
    );
    expect(await Promise.all(["containers", "networks", "volumes"].map(exists))).toEqual([
      false,
      true,
      false,
    ]);
  },
);
