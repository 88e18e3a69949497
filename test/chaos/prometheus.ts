// Debian's Prometheus for tests, with the alert rules of ops/. They fire immediately, or when a deployment has waited for a second.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, freePort } from "@slipway/testkit";

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: "pending" | "firing";
}

/** Whether Prometheus is missing. */
export function lacksPrometheus(): boolean {
  return spawnSync("prometheus", ["--version"]).error !== undefined;
}

export class PrometheusUnderTest implements AsyncDisposable {
  readonly #url: string;
  readonly #opened: AsyncDisposableStack;

  private constructor(url: string, opened: AsyncDisposableStack) {
    this.#url = url;
    this.#opened = opened;
  }

  /** Starts Prometheus. @param targets the `host:port` of each process, which Prometheus scrapes every second. */
  static async start(targets: readonly string[]): Promise<PrometheusUnderTest> {
    await using opened = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "slipway-prometheus-"));
    opened.defer(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "alerts.yml"), await hastyRules());
    // Prometheus reads YAML, and JSON is valid YAML.
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [join(folder, "alerts.yml")],
      scrape_configs: [{ job_name: "slipway", static_configs: [{ targets }] }],
    };
    await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      "prometheus",
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
        "--log.level=error",
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    const ended = once(child, "exit");
    opened.defer(async () => {
      child.kill("SIGTERM");
      await ended;
    });
    const url = `http://${address}`;
    // Prometheus refuses connections at first.
    await eventually(() =>
      fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return new PrometheusUnderTest(url, opened.move());
  }

  /** @returns the value of each series in a query's result, with its labels. */
  async query(query: string): Promise<{ labels: Readonly<Record<string, string>>; value: number }[]> {
    const answer = await this.#read<{
      result: { metric: Record<string, string>; value: [number, string] }[];
    }>(`/api/v1/query?query=${encodeURIComponent(query)}`);
    return answer.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** @returns the labels of the alerts that fire. */
  async firing(): Promise<Readonly<Record<string, string>>[]> {
    const { alerts } = await this.#read<{ alerts: Alert[] }>("/api/v1/alerts");
    return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }

  async #read<Data>(path: string): Promise<Data> {
    const answer = await fetch(new URL(path, this.#url));
    if (!answer.ok)
      throw new Error(`Prometheus answered ${path} with ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { data: Data }).data;
  }
}

async function hastyRules(): Promise<string> {
  const rules = await readFile(join(import.meta.dirname, "../../ops/alerts.yml"), "utf8");
  return rules
    .replaceAll(/^(\s+for:) \w+$/gm, "$1 0s")
    .replaceAll("slipway_queue_oldest_waiting_seconds) > 900", "slipway_queue_oldest_waiting_seconds) > 1");
}
