import { describe, expect, test } from "vitest";
import { admissionOf } from "./admission.ts";

const conflict = expect.objectContaining({ code: "conflict" });
const admits = (policy: "queue" | "reject" | "supersede", queuedCount: number, hasRunning = false) =>
  admissionOf(policy, 3)({ queuedCount, hasRunning });

describe("the admission of a deployment to a lane", () => {
  test("policy queue admits a deployment below the limit, also beside a running one", () => {
    expect(() => admits("queue", 2, true)).not.toThrow();
  });

  test("policy queue refuses a deployment at the limit", () => {
    expect(() => admits("queue", 3)).toThrow(conflict);
  });

  test("policy reject admits a deployment to an idle lane only", () => {
    expect(() => admits("reject", 0)).not.toThrow();
    expect(() => admits("reject", 1)).toThrow(conflict);
    expect(() => admits("reject", 0, true)).toThrow(conflict);
  });

  test("policy supersede admits a deployment to a full lane", () => {
    expect(() => admits("supersede", 3, true)).not.toThrow();
  });
});
