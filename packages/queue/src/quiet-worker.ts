// A BullMQ worker whose timer for the locks of jobs runs only while jobs run.

import { LockManager, Worker } from "bullmq";

export class QuietWorker extends Worker {
  protected override createLockManager(): void {
    const { lockRenewTime, lockDuration, name } = this.opts;
    const worker: ConstructorParameters<typeof LockManager>[0] = {
      name: this.name,
      extendJobLocks: (...locks) => this.extendJobLocks(...locks),
      emit: (...event) => Reflect.apply(this.emit.bind(this), this, event),
      // BullMQ's own telemetry is not used.
      trace: (_kind, _operation, _destination, callback) => callback(),
    };
    this.lockManager = new LocksOfJobs(worker, {
      // The base class has set both.
      lockRenewTime: lockRenewTime ?? Number.NaN,
      lockDuration: lockDuration ?? Number.NaN,
      workerId: this.id,
      ...(name === undefined ? {} : { workerName: name }),
    });
  }
}

class LocksOfJobs extends LockManager {
  #isStarted = false;

  override start(): void {
    this.#isStarted = true;
    if (this.trackedJobs.size > 0) super.start();
  }

  override trackJob(...job: Parameters<LockManager["trackJob"]>): ReturnType<LockManager["trackJob"]> {
    const controller = super.trackJob(...job);
    if (this.#isStarted && this.lockRenewalTimer === undefined) super.start();
    return controller;
  }

  override untrackJob(jobId: string): void {
    super.untrackJob(jobId);
    if (this.trackedJobs.size > 0) return;
    clearTimeout(this.lockRenewalTimer);
    delete this.lockRenewalTimer;
  }
}
