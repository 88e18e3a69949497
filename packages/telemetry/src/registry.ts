// Every metric of Slipway, as data. docs/metrics.md is generated from it (`npm run config-docs`). Names follow Prometheus's conventions:
// the unit is part of the name, and counters end in _total. Attributes have few values: no ids, and no names of apps.

import type { MetricDefinition, ProcessName } from "./definition.ts";

const everyProcess: readonly ProcessName[] = ["api", "stream", "router", "worker"];
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From a call to Redis on the same machine up to an outage. */
const logBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];
/** From a cached deployment's phase to the longest build. */
const workBuckets = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600];
const kind = "`deployment` or `operation`";

export const metricRegistry = {
  slipway_deployments_total: {
    kind: "counter",
    unit: null,
    description: "Deployments that ended on this worker.",
    attributes: { status: "the final status, for example `success` or `build-error`" },
    processes: ["worker"],
  },
  slipway_deployment_duration_seconds: {
    kind: "histogram",
    unit: "seconds",
    description: "Time from the first attempt's start to the end of a deployment.",
    attributes: { status: "the final status" },
    buckets: workBuckets,
    processes: ["worker"],
  },
  slipway_deployment_phase_duration_seconds: {
    kind: "histogram",
    unit: "seconds",
    description: "Duration of each phase of a deployment. Phases may overlap.",
    attributes: { phase: "for example `fetch`, `build`, `push`, `start`", outcome: "`success` or `failed`" },
    buckets: workBuckets,
    processes: ["worker"],
  },
  slipway_deployment_queue_wait_seconds: {
    kind: "histogram",
    unit: "seconds",
    description: "Time from the creation of a deployment to its first attempt.",
    attributes: {},
    buckets: workBuckets,
    processes: ["worker"],
  },
  slipway_operations_total: {
    kind: "counter",
    unit: null,
    description: "Restarts and scalings that ended on this worker.",
    attributes: { status: "the final status" },
    processes: ["worker"],
  },
  slipway_attempts_total: {
    kind: "counter",
    unit: null,
    description: "Attempts that ended on this worker.",
    attributes: {
      kind,
      outcome:
        "`ended`: the item is final; `retried`: the attempt failed and another one follows; `requeued`: the worker stops or the database is unavailable; `failed`: no attempt is left; `lost`: another worker took over",
    },
    processes: ["worker"],
  },
  slipway_reconciler_repairs_total: {
    kind: "counter",
    unit: null,
    description:
      "Running items without a job that this worker repaired, after a worker crashed or Redis lost its data.",
    attributes: {
      kind,
      repair: "`requeued`: it got a new job; `ended`: no attempt was left",
    },
    processes: ["worker"],
  },
  slipway_log_lines_total: {
    kind: "counter",
    unit: null,
    description: "Lines written to the logs of deployments.",
    attributes: {},
    processes: ["worker"],
  },
  slipway_log_lag_seconds: {
    kind: "histogram",
    unit: "seconds",
    description:
      "Time from a line of output to its publication to followers, measured for the first line of each batch.",
    attributes: {},
    buckets: logBuckets,
    processes: ["worker"],
  },
  slipway_log_followers: {
    kind: "change",
    unit: null,
    description: "Clients that follow logs over WebSocket, socket.io, SSE or plain text.",
    attributes: {},
    processes: ["api", "stream"],
  },
  slipway_queue_waiting_deployments: {
    kind: "gauge",
    unit: null,
    description: "Queued deployments of all apps.",
    attributes: {},
    processes: ["api"],
  },
  slipway_queue_oldest_waiting_seconds: {
    kind: "gauge",
    unit: "seconds",
    description: "Age of the oldest queued deployment; 0 without one.",
    attributes: {},
    processes: ["api"],
  },
  slipway_queue_work_seconds: {
    kind: "gauge",
    unit: "seconds",
    description:
      "Backlog: queued deployments times the mean duration of the last day's. Absent until a deployment has ended.",
    attributes: {},
    processes: ["api"],
  },
  slipway_queue_paused: {
    kind: "gauge",
    unit: null,
    description: "1 while the queue is paused, otherwise 0.",
    attributes: {},
    processes: ["api"],
  },
  slipway_running_deployments: {
    kind: "gauge",
    unit: null,
    description: "Deployments that run, on all workers.",
    attributes: {},
    processes: ["api"],
  },
  slipway_running_phase_oldest_seconds: {
    kind: "gauge",
    unit: "seconds",
    description:
      "How long a phase of a running deployment has lasted, the longest of each phase. Absent while no deployment is in the phase.",
    attributes: {
      phase: "as above, or `none`: between two phases, and during one that is too short to be stored",
    },
    processes: ["api"],
  },
  slipway_build_slots: {
    kind: "gauge",
    unit: null,
    description: "Deployments that the ready workers can build at the same time.",
    attributes: {},
    processes: ["api"],
  },
  slipway_build_slots_used: {
    kind: "gauge",
    unit: null,
    description: "Build slots in use, on ready and draining workers.",
    attributes: {},
    processes: ["api"],
  },
  slipway_workers: {
    kind: "gauge",
    unit: null,
    description: "Workers of the fleet.",
    attributes: { state: "`ready`, `draining` or `lost`: no heartbeat" },
    processes: ["api"],
  },
  slipway_http_requests_total: {
    kind: "counter",
    unit: null,
    description: "Requests to the API.",
    attributes: {
      method: "the HTTP method",
      route:
        "the route as in the API's documentation, for example `/v1/apps/:app`; `other` for the console and unknown paths",
      status:
        "the HTTP status, or `disconnected`: the client closed the connection before the response ended",
    },
    processes: ["api"],
  },
  slipway_http_request_duration_seconds: {
    kind: "histogram",
    unit: "seconds",
    description:
      "Time from a request's headers to the end of its response. Requests that follow a log last as long as they follow.",
    attributes: { method: "the HTTP method", route: "as above" },
    buckets: requestBuckets,
    processes: ["api"],
  },
  slipway_router_request_duration_seconds: {
    kind: "histogram",
    unit: "seconds",
    description: "Time from the headers of a request for an app to the end of its response.",
    attributes: {
      class:
        "class of the status: `2xx` to `5xx`, or `disconnected`: the connection was closed before the response ended",
      source: "`app`: the app's response; `router`: an error page of the router, or its health check",
    },
    buckets: requestBuckets,
    processes: ["router"],
  },
  slipway_router_websockets: {
    kind: "change",
    unit: null,
    description: "Open upgraded connections to apps.",
    attributes: {},
    processes: ["router"],
  },
  slipway_dependency_call_duration_seconds: {
    kind: "histogram",
    unit: "seconds",
    description:
      "Time until a service that Slipway depends on responded, or the call failed, with the retries of its client.",
    attributes: {
      dependency:
        "`engine`, `registry`, `store`: the database, or `redis`: the scripts of logs, lanes and heartbeats",
      outcome:
        "`responded`, also with a refusal; `unavailable`: it did not respond, or reported a failure of its own",
    },
    buckets: requestBuckets,
    processes: everyProcess,
  },
  slipway_disk_size_bytes: {
    kind: "gauge",
    unit: "bytes",
    description:
      "Size of a disk that Slipway writes to. Absent for databases and blobs in MongoDB. That of an engine is measured at intervals.",
    attributes: {
      disk: "`database`, `blobs`: where the API stores them; `engine`: where an engine stores images, containers and volumes",
      host: "the name of the host, as its operating system or its engine has it",
    },
    processes: ["api", "worker"],
  },
  slipway_disk_free_bytes: {
    kind: "gauge",
    unit: "bytes",
    description: "Free space of that disk for processes without special rights.",
    attributes: { disk: "as above", host: "as above" },
    processes: ["api", "worker"],
  },
  slipway_stored_bytes: {
    kind: "gauge",
    unit: "bytes",
    description: "What the installation stores, measured at intervals.",
    attributes: {
      part: "`database`: the files of SQLite, or the collections of MongoDB with their indexes; `sources`: uploaded archives; `registry`: the private registry of `npm start`, unless it is a container",
    },
    processes: ["api"],
  },
  slipway_engine_stored_bytes: {
    kind: "gauge",
    unit: "bytes",
    description:
      "What an engine stores, also of others who use it, measured at intervals. Workers of one engine report the same.",
    attributes: {
      host: "the name of the engine's host",
      part: "`images`: all layers; `snapshots`: those of the installation's snapshots, which are part of `images`; `containers`: what they wrote; `volumes`; `build_cache`: of Dockerfiles",
    },
    processes: ["worker"],
  },
  process_cpu_seconds_total: {
    kind: "total",
    unit: "seconds",
    description: "CPU time of the process, user and system.",
    attributes: {},
    processes: everyProcess,
  },
  process_resident_memory_bytes: {
    kind: "gauge",
    unit: "bytes",
    description: "Resident memory of the process.",
    attributes: {},
    processes: everyProcess,
  },
  process_start_time_seconds: {
    kind: "gauge",
    unit: "seconds",
    description: "When the process started, in seconds since 1970.",
    attributes: {},
    processes: everyProcess,
  },
  nodejs_heap_size_used_bytes: {
    kind: "gauge",
    unit: "bytes",
    description: "Used heap of V8.",
    attributes: {},
    processes: everyProcess,
  },
  nodejs_heap_size_total_bytes: {
    kind: "gauge",
    unit: "bytes",
    description: "Allocated heap of V8.",
    attributes: {},
    processes: everyProcess,
  },
  nodejs_eventloop_lag_max_seconds: {
    kind: "gauge",
    unit: "seconds",
    description: "Longest delay of the event loop since the previous scrape.",
    attributes: {},
    processes: everyProcess,
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
