import { type Static, Type } from "@sinclair/typebox";
import { FromEnvironment } from "#shared/config/load-config.ts";

export const DemoSettings = Type.Object({
  job_image: FromEnvironment(
    "DEMO_JOB_IMAGE",
    Type.String({ minLength: 1, maxLength: 255, description: "image of the evaluation jobs: a static busybox" }),
  ),
  seed: FromEnvironment(
    "DEMO_SEED",
    Type.String({ default: "platform-demo", maxLength: 256, description: "what the cases are made from" }),
  ),
  job_timeout_seconds: FromEnvironment(
    "DEMO_TIMEOUT_SECONDS",
    Type.Integer({ default: 60, minimum: 1, maximum: 3_600, description: "how long a submission may run" }),
  ),
  gpu_count: FromEnvironment(
    "DEMO_GPU_COUNT",
    Type.Integer({ default: 0, minimum: 0, maximum: 8, description: "GPUs a job asks for" }),
  ),
});
export type DemoSettings = Static<typeof DemoSettings>;
