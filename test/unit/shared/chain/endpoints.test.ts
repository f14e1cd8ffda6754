import { describe, expect, test } from "bun:test";
import { ChainUnreachableError } from "#shared/chain/chain.ts";
import { cool_down_ms, EndpointRing } from "#shared/chain/endpoints.ts";
import { systemClock } from "#shared/time/clock.ts";

describe("endpoints", () => {
  test("are used in turn; one that limits us rests for a minute", () => {
    let now = 0;
    const ring = new EndpointRing(["a", "b"], { ...systemClock, monotonic: () => now });
    expect(ring.current()).toBe("a");
    ring.failed("a", true);
    expect(ring.current()).toBe("b");
    ring.failed("b", false);
    expect(ring.current()).toBe("b");
    ring.failed("b", true);
    expect(() => ring.current()).toThrow(ChainUnreachableError);
    now = cool_down_ms;
    expect(ring.current()).toBe("a");
  });
});
