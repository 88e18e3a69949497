// The two queues of lane jobs: one for builds, and one for operations and deployments of earlier releases, which have no build and
// therefore never wait for one. Over both queues together, an app has at most one job.
//
// Within a queue BullMQ ensures that by its deduplication key, the app's id, which is held from the add until the job has ended. The
// key does not cover the other queue, so adding a job first claims the app.

import type { Job, JobsOptions, Queue } from "bullmq";
import { loadScript, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { LaneJob, RedisKeys } from "@slipway/protocol";
import { idOf } from "./lane-kinds.ts";
import { OwnedQueue } from "./owned-queue.ts";
import { queueNames } from "./queue-names.ts";
import { connectionFailed } from "./redis-errors.ts";

export interface LaneQueuesOptions {
  /** For the claims of apps. */
  readonly bus: Bus;
  readonly redisUrl: string;
  readonly onError: (error: unknown, message: string) => void;
}

type LaneJobOptions = JobsOptions & { readonly jobId: string };

/** The state of an item's job: "gone" when there is no job. */
export type LaneJobState = "live" | "completed" | "failed" | "gone";

export interface LaneQueues extends AsyncDisposable {
  /** Deployments that may build. */
  readonly deployments: Queue<LaneJob>;
  /** Operations, and deployments without a build. */
  readonly operations: Queue<LaneJob>;
  /**
   * Adds the job to the queue of its kind, unless its app has another job. Idempotent.
   * @param name name of the job on the dashboard. @returns whether the job is in that queue now.
   */
  add(name: string, job: LaneJob, options: LaneJobOptions): Promise<boolean>;
  /** Like `add`, for a job whose app the caller has claimed, and will release. */
  addClaimed(name: string, job: LaneJob, options: LaneJobOptions): Promise<boolean>;
  /** Releases the claim of the app, unless another job has it. */
  release(job: LaneJob): Promise<void>;
  /**
   * The jobs of a deployment or an operation. It may have one in each queue while processes of the previous version run, because they
   * add deployments of earlier releases to the queue of builds.
   */
  find(id: string): Promise<Job<LaneJob>[]>;
  /** Removes a job in any state. @returns false, without removing it, if a worker holds it. */
  remove(job: Pick<Job<LaneJob>, "id" | "queueName">): Promise<boolean>;
  /** The states of items' jobs in both queues, read in bulk. */
  states(ids: readonly string[]): Promise<LaneJobState[]>;
}

/** How long an app remains claimed while a job is added: the adding process may crash. */
export const claimMs = 10_000;
/** BullMQ's states of ended jobs. */
export const endedStates: ReadonlySet<string> = new Set(["completed", "failed"]);

/** Redis runs one script at a time without interruption, so a longer list is read in parts. */
const chunkSize = 500;

const statesScript = loadScript("laneJobStates", new URL("lua/job-states.lua", import.meta.url), 2);
const claimScript = loadScript("claimApp", new URL("lua/claim-app.lua", import.meta.url), 3);
const releaseScript = loadScript("releaseClaim", new URL("lua/release-claim.lua", import.meta.url), 1);

/** Opens the queues of lane jobs: builds in one, operations and deployments of earlier releases in the other. */
export function openLaneQueues({ bus, redisUrl, onError }: LaneQueuesOptions): LaneQueues {
  const { redis, keys } = bus;
  const options = { redisUrl, keys };
  const deployments = new OwnedQueue<LaneJob>(queueNames.deployments, options);
  const operations = new OwnedQueue<LaneJob>(queueNames.operations, options);
  const both = [deployments, operations];
  for (const queue of both) queue.on("error", (error) => onError(error, connectionFailed));

  const isBuild = (job: LaneJob) => job.type === "deploy" && job.builds;

  async function claim(job: LaneJob, jobId: string): Promise<"claimed" | "added" | "busy"> {
    const [builds, others] = queueKeys(keys);
    const claimKeys = [keys.laneClaim(job.appId), ...(isBuild(job) ? [builds, others] : [others, builds])];
    const claimed = await runScript(redis, claimScript, claimKeys, [job.appId, jobId, claimMs]);
    return claimed as "claimed" | "added" | "busy";
  }

  async function release(job: LaneJob): Promise<void> {
    await runScript(redis, releaseScript, [keys.laneClaim(job.appId)], [idOf(job)]);
  }

  async function addClaimed(name: string, job: LaneJob, jobOptions: LaneJobOptions): Promise<boolean> {
    const queue = isBuild(job) ? deployments : operations;
    const added = await queue.add(name, job, { ...jobOptions, deduplication: { id: job.appId } });
    return added.id === jobOptions.jobId;
  }

  return {
    deployments,
    operations,
    async add(name, job, jobOptions) {
      const claimed = await claim(job, jobOptions.jobId);
      if (claimed !== "claimed") return claimed === "added";
      try {
        return await addClaimed(name, job, jobOptions);
      } finally {
        await release(job);
      }
    },
    addClaimed,
    release,
    async find(id) {
      const found = await Promise.all(both.map((queue) => queue.getJob(id)));
      return found.filter((job) => job !== undefined);
    },
    async remove({ id = "", queueName }) {
      const queue = queueName === operations.name ? operations : deployments;
      return (await queue.remove(id)) === 1;
    },
    async states(ids) {
      const found = await inChunks(ids, (chunk) => runScript(redis, statesScript, queueKeys(keys), chunk));
      return found.flat() as LaneJobState[];
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([deployments.close(), operations.close()]);
    },
  };
}

/** Prefix of both queues' keys in Redis, for scripts. */
export function queueKeys({ queuePrefix }: RedisKeys): [string, string] {
  return [`${queuePrefix}:${queueNames.deployments}:`, `${queuePrefix}:${queueNames.operations}:`];
}

/** Calls the function with parts of a list concurrently. @returns the results in order. */
export function inChunks<Item, Result>(
  items: readonly Item[],
  call: (chunk: readonly Item[]) => Promise<Result>,
): Promise<Result[]> {
  const count = Math.ceil(items.length / chunkSize);
  const chunks = Array.from({ length: count }, (_, at) => items.slice(at * chunkSize, (at + 1) * chunkSize));
  return Promise.all(chunks.map(call));
}
