// Shared code of tests: contract suites, private services, builders of domain objects and archives.

export { blobContract } from "./blob-contract.ts";
export type { BlobContractContext } from "./blob-contract.ts";
export { findBrowser, lacksBrowser } from "./browser.ts";
export { cutServer } from "./cut-server.ts";
export { eventually } from "./eventually.ts";
export * from "./fixtures.ts";
export { lacksHaproxy } from "./haproxy.ts";
export { freePort } from "./free-port.ts";
export { gitServer, TestRepository } from "./git-server.ts";
export type { RepositoryFiles } from "./git-server.ts";
export { lacksMongo, lacksMongoServer, startMongo, startMongoServer } from "./mongo/mongo.ts";
export type { TestMongo, TestMongoServer } from "./mongo/mongo.ts";
export { startNpmRegistry } from "./npm-registry.ts";
export type { TestNpmPackages, TestNpmRegistry, TestNpmVersion } from "./npm-registry.ts";
export { packTar, packTarGz } from "./pack-tar-gz.ts";
export type { TarContent } from "./pack-tar-gz.ts";
export { scrapeMetrics } from "./prometheus-text.ts";
export type { ScrapedMetrics } from "./prometheus-text.ts";
export { pushImage, registryLogin, startRegistry } from "./registry.ts";
export type { TestImage, TestRegistry, TestRegistryOptions } from "./registry.ts";
export { lacksRedis, startPrivateRedis, startRedis } from "./redis.ts";
export type { PrivateRedis, TestRedis } from "./redis.ts";
export { startRedisCluster } from "./redis-cluster.ts";
export type { RedisCluster } from "./redis-cluster.ts";
export { startSentinelRedis } from "./redis-sentinel.ts";
export type { SentinelRedis } from "./redis-sentinel.ts";
export { useRedis } from "./use-redis.ts";
export { storeContract } from "./store-contract.ts";
export type { StoreContractContext } from "./store-contract.ts";
export { startTraceCollector } from "./trace-collector.ts";
export type { ReceivedSpan, TraceCollector } from "./trace-collector.ts";
export { logsContract } from "./store-contract/logs.ts";
export { engineContract } from "./engine-contract.ts";
export type { EngineUnderTest } from "./engine-contract.ts";
export { schedulerContract } from "./scheduler-contract.ts";
export type { SchedulerContractContext } from "./scheduler-contract.ts";
export { engineFront } from "./docker/engine-front.ts";
export type { EngineFront } from "./docker/engine-front.ts";
export { startEngineProxy } from "./docker/engine-proxy.ts";
export type { EngineProxyOptions, EngineRefusal } from "./docker/engine-proxy.ts";
export { lacksPrivateEngine, startPrivateEngine } from "./docker/private-engine.ts";
export type { PrivateEngine } from "./docker/private-engine.ts";
export { lacksQuotaDisk } from "./docker/quota-disk.ts";
export { lacksEngine, newInstallation, testEngine } from "./docker/test-engine.ts";
export { drain, refusal, unexpected } from "./outcomes.ts";
export {
  leaveAtEachPoint,
  leavingWays,
  maskedFrame,
  requestHead,
  UnhandledErrors,
  upgradeHead,
} from "./leaving-clients.ts";
export type { ClientStep, LeavingOptions, LeavingWay } from "./leaving-clients.ts";
