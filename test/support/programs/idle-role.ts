/** A role without a task, for tests of how every role starts, answers and stops. */
import { open } from "node:fs/promises";
import { Type } from "@sinclair/typebox";
import { runRole } from "#shared/process/run-role.ts";

await runRole({
  name: "idle",
  summary: "does nothing, for tests",
  config: Type.Object({
    stop_ms: Type.Integer({ default: 0, description: "milliseconds that stopping takes" }),
    leaks_file: Type.Boolean({ default: false, description: "whether it forgets a file that it opened" }),
    is_ready: Type.Boolean({ default: true, description: "whether its one dependency answers" }),
  }),
  check: ({ config }) => [dependency(config.is_ready)],
  async start({ config }) {
    if (config.leaks_file) await forgetFile();
    return {
      probes: [dependency(config.is_ready)],
      stop: () => Bun.sleep(config.stop_ms),
    };
  },
});

async function forgetFile(): Promise<void> {
  await open("/proc/1/comm");
  setInterval(() => Bun.gc(true), 50).unref();
}

function dependency(isReady: boolean) {
  return {
    name: "dependency",
    run: async () => {
      if (!isReady) throw new Error("it does not answer");
    },
  };
}
