// The metrics of the Node.js process, under the names that dashboards for Node.js use.

import { EventLoopLag } from "./event-loop-lag.ts";
import { observe } from "./instruments.ts";

/** Reports the metrics until the result is disposed of. */
export function observeProcess(): Disposable {
  const lag = new EventLoopLag();
  const observed = observe(
    [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "process_start_time_seconds",
      "nodejs_heap_size_used_bytes",
      "nodejs_heap_size_total_bytes",
      "nodejs_eventloop_lag_max_seconds",
    ],
    () => {
      const { user, system } = process.cpuUsage();
      const { rss, heapUsed, heapTotal } = process.memoryUsage();
      return [
        { name: "process_cpu_seconds_total", value: (user + system) / 1e6, attributes: {} },
        { name: "process_resident_memory_bytes", value: rss, attributes: {} },
        { name: "process_start_time_seconds", value: performance.timeOrigin / 1e3, attributes: {} },
        { name: "nodejs_heap_size_used_bytes", value: heapUsed, attributes: {} },
        { name: "nodejs_heap_size_total_bytes", value: heapTotal, attributes: {} },
        { name: "nodejs_eventloop_lag_max_seconds", value: lag.takeMaxSeconds(), attributes: {} },
      ];
    },
  );
  return {
    [Symbol.dispose]: () => {
      observed[Symbol.dispose]();
      lag[Symbol.dispose]();
    },
  };
}
