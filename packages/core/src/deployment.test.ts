import { describe, expect, test } from "vitest";
import {
  changeStatus,
  claim,
  durationSeconds,
  goLive,
  outcomeOf,
  queuedDeployment,
  sealLog,
  takeOver,
} from "./deployment.ts";
import {
  deploymentStatuses,
  finalStatuses,
  isFinal,
  isRunning,
  runningStatuses,
  transitions,
} from "./deployment-status.ts";
import type { Deployment } from "./deployment.ts";
import type { DeploymentStatus } from "./deployment-status.ts";
import { errorCatalog } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import { failureOf } from "./failure.ts";

const createdAt = new Date("2026-03-04T05:06:07.000Z");
const at = new Date("2026-03-04T05:07:00.000Z");
const options = { at, lineCount: 12 };
const after = (seconds: number) => new Date(createdAt.getTime() + seconds * 1_000);
const conflict = expect.objectContaining({ code: "conflict" });
const leaseLost = expect.objectContaining({ code: "lease-lost" });

const queued = queuedDeployment(
  {
    id: "d",
    appId: "a",
    ownerId: "o",
    source: { kind: "upload", sourceId: "s" },
    gitRef: "4f1d0c7",
    previousGitRef: null,
    postdeployHook: null,
    pusher: { id: "p", username: "ada", email: "ada@example.com" },
    createdAt,
  },
  7,
);

/** A deployment with this status, in its second attempt. */
function inStatus(status: DeploymentStatus): Deployment {
  return {
    ...queued,
    status,
    attempt: 2,
    revision: 5,
    startedAt: createdAt,
    finishedAt: isFinal(status) ? createdAt : null,
  };
}

/** The allowed transitions, repeated here so that a change of the table in the source fails a test. */
const allowed = new Set([
  "queued → building",
  "queued → aborted",
  "building → building",
  "building → queued",
  "building → pushing",
  "building → build-error",
  "building → aborted",
  "pushing → building",
  "pushing → queued",
  "pushing → starting",
  "pushing → aborted",
  "starting → building",
  "starting → queued",
  "starting → success",
  "starting → crashed-error",
  "starting → timeout-error",
  "starting → hook-error",
  "starting → aborted",
]);

const everyPair = deploymentStatuses.flatMap((from) =>
  deploymentStatuses.map((to) => ({ from, to, pair: `${from} → ${to}` })),
);
const allowedPairs = everyPair.filter(({ pair }) => allowed.has(pair));
/** Only claim() restarts a running deployment. */
const isRestart = ({ from, to }: { from: DeploymentStatus; to: DeploymentStatus }) =>
  to === "building" && isRunning(from);

test("a new deployment is queued with its number and revision 1", () => {
  expect(queued).toMatchObject({ number: 7, status: "queued", attempt: 0, revision: 1, finishedAt: null });
  expect(queued.history).toEqual([{ status: "queued", at: createdAt, attempt: 0, lineCount: 0 }]);
});

test("every status is exactly one of queued, running and final", () => {
  for (const status of deploymentStatuses) {
    expect([status === "queued", isRunning(status), isFinal(status)].filter(Boolean)).toHaveLength(1);
  }
  expect(new Set(deploymentStatuses).size).toBe(10);
  expect(Object.keys(transitions).sort()).toEqual([...deploymentStatuses].sort());
});

describe("changeStatus", () => {
  test.each(allowedPairs.filter((pair) => !isRestart(pair)))("changeStatus allows $pair", ({ from, to }) => {
    const before = inStatus(from);
    expect(changeStatus(before, to, options)).toEqual({
      ...before,
      status: to,
      revision: 6,
      finishedAt: isFinal(to) ? at : null,
      history: [...before.history, { status: to, at, attempt: 2, lineCount: 12 }],
    });
  });

  test.each(everyPair.filter(({ pair }) => !allowed.has(pair)))(
    "changeStatus rejects $pair",
    ({ from, to }) => {
      expect(() => changeStatus(inStatus(from), to, options)).toThrow(conflict);
    },
  );

  test.each(allowedPairs.filter(isRestart))(
    "changeStatus rejects $pair, which only claim may do",
    ({ from, to }) => {
      expect(() => changeStatus(inStatus(from), to, options)).toThrow(conflict);
    },
  );

  test("changeStatus sets the given fields and does not modify its argument", () => {
    const before = inStatus("building");
    const failure = failureOf({ code: "build-failed", message: "compile: exit code 1" });
    const facts = { failure, logLineCount: 12, logSha256: "ab" };
    expect(changeStatus(before, "build-error", { ...options, facts })).toMatchObject(facts);
    expect(before).toEqual(inStatus("building"));
  });
});

describe("claim", () => {
  test.each(["queued", ...runningStatuses] as const)(
    "claim moves a deployment that is %s to building when the attempt is newer",
    (status) => {
      const claimed = claim(inStatus(status), 3, options);
      expect(claimed).toMatchObject({ status: "building", attempt: 3, revision: 6, startedAt: createdAt });
      expect(claimed.history.at(-1)).toEqual({ status: "building", at, attempt: 3, lineCount: 12 });
    },
  );

  test.each(["queued", ...runningStatuses] as const)(
    "claim rejects an attempt that is not newer when the deployment is %s",
    (status) => {
      for (const attempt of [2, 1, 0]) {
        expect(() => claim(inStatus(status), attempt, options)).toThrow(leaseLost);
      }
    },
  );

  test.each(finalStatuses)("claim rejects every attempt when the deployment is %s", (status) => {
    for (const attempt of [1, 2, 3])
      expect(() => claim(inStatus(status), attempt, options)).toThrow(conflict);
  });

  test("claim sets startedAt only once", () => {
    const first = claim(queued, 1, options);
    expect(first.startedAt).toEqual(at);
    const later = new Date(at.getTime() + 1_000);
    expect(claim(first, 2, { ...options, at: later }).startedAt).toEqual(at);
  });

  test("claim accepts an attempt number that skips some", () => {
    expect(claim(queued, 5, options).attempt).toBe(5);
  });
});

describe("goLive", () => {
  test("goLive sets the release's id and increments the revision", () => {
    const before = inStatus("starting");
    expect(goLive(before, "r")).toEqual({ ...before, releaseId: "r", revision: 6 });
  });

  test.each(deploymentStatuses.filter((status) => status !== "starting"))(
    "goLive rejects a deployment that is %s",
    (status) => {
      expect(() => goLive(inStatus(status), "r")).toThrow(conflict);
    },
  );

  test("goLive prevents an abort and a requeue, and allows success", () => {
    const live = goLive(inStatus("starting"), "r");
    expect(() => changeStatus(live, "queued", options)).toThrow(conflict);
    expect(() => changeStatus(live, "aborted", options)).toThrow(conflict);
    expect(changeStatus(live, "success", options)).toMatchObject({ status: "success", releaseId: "r" });
  });

  test("goLive prevents a claim, and a second goLive", () => {
    const live = goLive(inStatus("starting"), "r");
    expect(() => claim(live, 3, options)).toThrow(conflict);
    for (const releaseId of ["r", "another"]) expect(() => goLive(live, releaseId)).toThrow(conflict);
  });

  test("goLive stays in effect after another attempt takes over", () => {
    const again = takeOver(goLive(inStatus("starting"), "r"), 3);
    expect(again.releaseId).toBe("r");
    expect(() => changeStatus(again, "aborted", options)).toThrow(conflict);
  });
});

describe("takeOver", () => {
  const live = goLive(inStatus("starting"), "r");

  test("takeOver keeps the status and increments the revision", () => {
    const attempt = live.attempt + 1;
    expect(takeOver(live, attempt)).toEqual({ ...live, attempt, revision: live.revision + 1 });
  });

  test("takeOver requires a newer attempt and a log that is not sealed", () => {
    expect(() => takeOver(live, live.attempt)).toThrow(leaseLost);
    const aborted = inStatus("aborted");
    expect(takeOver(aborted, 9)).toMatchObject({ status: "aborted", attempt: 9 });
    expect(() => takeOver(sealLog(aborted, { lineCount: 3, sha256: "ab" }), 9)).toThrow(conflict);
  });
});

describe("sealLog", () => {
  const log = { lineCount: 3, sha256: "ab" };

  test.each(finalStatuses)(
    "sealLog records the log and increments the revision when the deployment is %s",
    (status) => {
      const before = inStatus(status);
      expect(sealLog(before, log)).toEqual({ ...before, logLineCount: 3, logSha256: "ab", revision: 6 });
    },
  );

  test.each(["queued", ...runningStatuses] as const)("sealLog rejects a deployment that is %s", (status) => {
    expect(() => sealLog(inStatus(status), log)).toThrow(conflict);
  });
});

describe("outcomeOf", () => {
  const codes = Object.keys(errorCatalog) as ErrorCode[];

  test.each(runningStatuses)(
    "outcomeOf returns a final status that %s may change to, for every error code",
    (status) => {
      for (const code of codes) {
        const outcome = outcomeOf(code, status);
        expect(isFinal(outcome)).toBe(true);
        expect(transitions[status]).toContain(outcome);
      }
    },
  );

  test.each([
    ["build-failed", "building", "build-error"],
    ["archive-invalid", "building", "build-error"],
    ["engine-unavailable", "building", "build-error"],
    ["aborted", "building", "aborted"],
    ["registry-unavailable", "pushing", "aborted"],
    ["aborted", "pushing", "aborted"],
    ["app-crashed", "starting", "crashed-error"],
    ["boot-timeout", "starting", "timeout-error"],
    ["hook-failed", "starting", "hook-error"],
    ["engine-unavailable", "starting", "aborted"],
    ["aborted", "starting", "aborted"],
  ] as const)("outcomeOf maps %s while %s to %s", (code, status, outcome) => {
    expect(outcomeOf(code, status)).toBe(outcome);
  });
});

test("durationSeconds is the rounded time from the first attempt to the end, and 0 before the end", () => {
  for (const status of ["queued", ...runningStatuses] as const)
    expect([status, durationSeconds(inStatus(status))]).toEqual([status, 0]);
  expect(durationSeconds({ ...inStatus("success"), finishedAt: after(2.5) })).toBe(3);
  expect(durationSeconds({ ...inStatus("success"), finishedAt: after(-5) })).toBe(0);
  expect(durationSeconds(changeStatus(queued, "aborted", { at: after(60), lineCount: 0 }))).toBe(0);
});
