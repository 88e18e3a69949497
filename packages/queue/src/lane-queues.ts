// The two queues that lanes hand jobs to, one for deployments and one for operations, so that a restart never waits for a
// build. Over both of them an app has one job at a time.
//
// Within a queue BullMQ ensures that: its deduplication key, the app's id, is held from the add until the job has ended. The
// key does not cover the other queue, so an add claims the app first.

import { Queue } from "bullmq";
import type { Job, JobsOptions, JobState } from "bullmq";
import { loadScript, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { LaneJob } from "@slipway/protocol";
import { queueNames } from "./queue-names.ts";
import { connectionFailed } from "./redis-errors.ts";

export interface LaneQueuesOptions {
  /** For the claims. */
  readonly bus: Bus;
  readonly redisUrl: string;
  readonly onError: (error: unknown, message: string) => void;
}

export interface LaneQueues extends AsyncDisposable {
  readonly deployments: Queue<LaneJob>;
  readonly operations: Queue<LaneJob>;
  /**
   * Adds the job to the queue of its kind, unless its app has another job. Repeating it is fine.
   * @returns whether the job is in that queue now.
   */
  add(job: LaneJob, options: JobsOptions & { readonly jobId: string }): Promise<boolean>;
  /**
   * The jobs of a deployment or an operation. An operation may have one in each queue while processes of the version before
   * run, which put operations among the deployments.
   */
  find(id: string): Promise<Job<LaneJob>[]>;
  /** The states of these, and "unknown" for each queue that has none. */
  states(id: string): Promise<(JobState | "unknown")[]>;
}

/** How long an app stays claimed for a job that is being added: the process that adds it may crash. */
const claimMs = 10_000;

const claimScript = loadScript("claimApp", new URL("lua/claim-app.lua", import.meta.url), 2);
const releaseScript = loadScript("releaseClaim", new URL("lua/release-claim.lua", import.meta.url), 1);

export function openLaneQueues({ bus, redisUrl, onError }: LaneQueuesOptions): LaneQueues {
  const { redis, keys } = bus;
  const options = { connection: { url: redisUrl, maxRetriesPerRequest: 3 }, prefix: keys.queuePrefix };
  const deployments = new Queue<LaneJob>(queueNames.deployments, options);
  const operations = new Queue<LaneJob>(queueNames.operations, options);
  const both = [deployments, operations];
  for (const queue of both) queue.on("error", (error) => onError(error, connectionFailed));

  async function claim(other: Queue, appId: string, jobId: string): Promise<boolean> {
    const claimKeys = [keys.laneClaim(appId), other.toKey(`de:${appId}`)];
    return (await runScript(redis, claimScript, claimKeys, [jobId, claimMs, other.toKey("")])) === 1;
  }

  return {
    deployments,
    operations,
    async add(job, { jobId, ...jobOptions }) {
      const isDeployment = job.type === "deploy";
      const [own, other] = isDeployment ? [deployments, operations] : [operations, deployments];
      // Refused also when the other queue has a job of the same operation: that one is enough.
      if (!(await claim(other, job.appId, jobId))) return false;
      const added = await own.add(job.type, job, { ...jobOptions, jobId, deduplication: { id: job.appId } });
      await runScript(redis, releaseScript, [keys.laneClaim(job.appId)], [jobId]);
      return added.id === jobId;
    },
    async find(id) {
      const found = await Promise.all(both.map((queue) => queue.getJob(id)));
      return found.filter((job) => job !== undefined);
    },
    states: (id) => Promise.all(both.map((queue) => queue.getJobState(id))),
    async [Symbol.asyncDispose]() {
      await Promise.all([deployments.close(), operations.close()]);
    },
  };
}
