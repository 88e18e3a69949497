import { describe, expect, test } from "vitest";
import { clientSettings } from "./client-settings.ts";
import { configFrom } from "./config.ts";
import { commonSettings, storageUrls } from "./settings.ts";

const origins = clientSettings.shape.CORS_ORIGINS;

const enough = { INSTALLATION_ID: "ab12", REDIS_URL: "redis://:very-secret@127.0.0.1:6379" };

describe("configFrom", () => {
  test("the configuration applies defaults and makes the data directory absolute", () => {
    const config = configFrom(commonSettings, { ...enough, DATA_DIR: "state" });
    expect(config).toMatchObject({ GRACE_MS: 30_000, LOG_FORMAT: "json", LOG_LEVEL: "info" });
    expect(config.DATA_DIR).toBe(`${process.cwd()}/state`);
    expect(storageUrls(config).databaseUrl).toBe(`file:${process.cwd()}/state/database/slipway.db`);
  });

  test("the configuration stores blobs in the MongoDB of DATABASE_URL, unless BLOBS_URL is set", () => {
    const databaseUrl = "mongodb+srv://host/slipway";
    const given = { DATA_DIR: "/state", DATABASE_URL: databaseUrl };
    expect(storageUrls(given)).toEqual({ databaseUrl, blobsUrl: databaseUrl });
    expect(storageUrls({ ...given, BLOBS_URL: "/blobs" })).toEqual({ databaseUrl, blobsUrl: "/blobs" });
    expect(storageUrls({ DATA_DIR: "/state" }).blobsUrl).toBe("file:/state/blobs");
  });

  test("the configuration reports every problem at once, without values", () => {
    const wrong = {
      ...enough,
      REDIS_URL: "mysql://very-secret",
      GRACE_MS: "-3",
      LOG_LEVEL: "loud",
      INSTALLATION_ID: "",
    };
    expect(() => configFrom(commonSettings, wrong)).toThrow(/INSTALLATION_ID: is required/);
    expect(() => configFrom(commonSettings, wrong)).toThrow(
      /REDIS_URL: must be a redis:\/\/[^]*GRACE_MS[^]*LOG_LEVEL/,
    );
    expect(() => configFrom(commonSettings, wrong)).not.toThrow(/very-secret/);
  });

  test.each([
    "https://example.com/",
    "https://example.com/app",
    "https://Example.com",
    "https://example.com:443",
    "ftp://a",
    "a",
  ])("%s is not a valid origin", (origin) => {
    expect(origins.safeParse(`https://example.com ${origin}`).success).toBe(false);
  });

  test("origins are a list or *", () => {
    const two = ["https://example.com", "http://localhost:5173"];
    expect(origins.parse(two.join(", "))).toEqual(two);
    expect(origins.parse("*")).toEqual(["*"]);
  });

  test("an empty variable counts as not set", () => {
    expect(configFrom(commonSettings, { ...enough, GRACE_MS: "" }).GRACE_MS).toBe(30_000);
  });
});
