/** A role that does nothing but live: for tests of how every role starts, answers and stops. */
import { Type } from "@sinclair/typebox";
import { runRole } from "#shared/process/run-role.ts";

await runRole({
  name: "idle",
  summary: "does nothing, for tests",
  config: Type.Object({
    stop_ms: Type.Integer({ default: 0, description: "milliseconds that stopping takes" }),
    is_ready: Type.Boolean({ default: true, description: "whether its one dependency answers" }),
  }),
  check: ({ config }) => [dependency(config.is_ready)],
  start: async ({ config }) => ({
    probes: [dependency(config.is_ready)],
    stop: () => Bun.sleep(config.stop_ms),
  }),
});

function dependency(isReady: boolean) {
  return {
    name: "dependency",
    run: async () => {
      if (!isReady) throw new Error("it does not answer");
    },
  };
}
