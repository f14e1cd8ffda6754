import { describe, expect, test } from "bun:test";
import { publicEndpoint, resolveEndpoint } from "#shared/chain/networks.ts";

describe("endpoints", () => {
  test("are names or URLs, and shown without what could be a key", () => {
    expect(resolveEndpoint("local")).toBe("ws://127.0.0.1:9944");
    expect(resolveEndpoint("ws://[::1]:1")).toBe("ws://[::1]:1");
    expect(() => resolveEndpoint("http://a")).toThrow("expected finney");
    expect(publicEndpoint("wss://user:pass@host:443/key?token=1")).toBe("wss://host");
  });
});
