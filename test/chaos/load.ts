// The load of a seeded chaos run: one app's deployments, restarts, scalings and aborts, one after the other until it is stopped.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isFinal } from "@slipway/core";
import { deploymentAnswer, sourceAnswer } from "@slipway/protocol";
import type { AppBody } from "@slipway/protocol";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import type { Random } from "./random.ts";
import { steps } from "./scenario.ts";
import type { SlipwayUnderTest } from "./slipway.ts";

/** Maximum number of an app's unfinished deployments: at the maximum, the load waits instead of filling the queue. */
const maxWaiting = 3;
const retryMs = 300;
const pauseMs = { min: 200, max: 4_000 };

type Action = (load: AppLoad) => Promise<void>;

/** Mostly deployments: with short builds, with builds that take seconds, with builds that fail, and of an app that never listens. */
const actions: readonly Action[] = [
  (load) => load.deploy("true"),
  (load) => load.deploy("true"),
  (load) => load.deploy(steps(12)),
  (load) => load.deploy(steps(12)),
  (load) => load.deploy("echo broken; exit 7"),
  (load) => load.deploy("true", "exit 3"),
  (load) => load.operate("restart", {}),
  (load) => load.operate("scale", { containers: [{ name: "web", amount: 2 }] }),
  (load) => load.operate("scale", { containers: [{ name: "web", amount: 1 }] }),
  (load) => load.abortLast(),
];

export class AppLoad {
  /** Ids of the deployments that the API has accepted, oldest first. */
  readonly accepted: string[] = [];
  readonly app: AppBody;
  readonly #slipway: SlipwayUnderTest;
  readonly #random: Random;

  constructor(slipway: SlipwayUnderTest, app: AppBody, random: Random) {
    this.#slipway = slipway;
    this.app = app;
    this.#random = random;
  }

  /** Resolves once the signal is aborted and the last request has its response. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#random.between(pauseMs.min, pauseMs.max));
      const action = this.#random.pick(actions);
      if ((await this.#waiting()) < maxWaiting) await action(this);
    }
  }

  async deploy(compile: string, web = answering(`deployment ${this.accepted.length + 1}`)): Promise<void> {
    const archive = new Uint8Array(await packTarGz(inlineApp(compile, web)));
    const { source } = sourceAnswer.parse(await this.#answer("POST", "/v1/sources", {}));
    await untilAnswered(() => fetch(source.upload_url, { method: "PUT", body: archive }));
    const body = { deployment: { source_url: source.download_url } };
    // With the key, a repeated request finds the deployment whose response was lost.
    const key = { "idempotency-key": randomUUID() };
    const answer = await this.#answer("POST", `/v1/apps/${this.app.name}/deployments`, body, key);
    this.accepted.push(deploymentAnswer.parse(answer).deployment.id);
  }

  /** An app without a release rejects the request, which is not a failure. */
  async operate(kind: "restart" | "scale", body: unknown): Promise<void> {
    await this.#answer("POST", `/v1/apps/${this.app.name}/${kind}`, body);
  }

  /** A deployment that has ended or is going live rejects the abort, which is not a failure. */
  async abortLast(): Promise<void> {
    const id = this.accepted.at(-1);
    if (id !== undefined) await this.#answer("POST", `/v1/apps/${this.app.name}/deployments/${id}/abort`, {});
  }

  /** While the database is down, no further deployment is created. */
  async #waiting(): Promise<number> {
    const last = this.accepted.slice(-maxWaiting);
    const found = Promise.all(last.map((id) => this.#slipway.store.deployments.get(id)));
    const deployments = await found.catch(() => null);
    if (deployments === null) return maxWaiting;
    return deployments.filter((deployment) => deployment !== null && !isFinal(deployment.status)).length;
  }

  async #answer(method: string, path: string, body: unknown, headers = {}): Promise<unknown> {
    const response = await untilAnswered(async () => {
      const answer = await this.#slipway.request(method, path, body, headers);
      // Signs in again: in a long run, the token expires.
      if (answer.status === 401) await this.#slipway.api.request("GET", "/users/self");
      return answer;
    });
    return response.json();
  }
}

/** Repeats a request while the API is down, overloaded or without its services. */
async function untilAnswered(request: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const response = await request().catch(() => undefined);
    if (response !== undefined && response.status < 500 && ![401, 429].includes(response.status))
      return response;
    await response?.body?.cancel();
    await sleep(retryMs);
  }
}
