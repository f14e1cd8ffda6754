import type { Static } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { buildInfo } from "#shared/process/build-info.ts";
import { defineChallenge } from "../sdk/define-challenge.ts";
import type { FinishedJob } from "../sdk/finished-job.ts";
import { SubmissionFault } from "../sdk/submission-fault.ts";
import { acceptProgram } from "./accept-program.ts";
import { casesArchive } from "./cases-archive.ts";
import { case_count, collatzCases } from "./collatz-cases.ts";
import { predictions_bytes_max, scorePredictions } from "./score-predictions.ts";
import { DemoSettings } from "./settings.ts";

const predict = "/bin/busybox awk -f /submission/predict.awk /inputs/cases.txt > /output/predictions.txt";
/** Reads the environment of PID 1, because shells drop a variable whose name holds a dash. */
const noteGpu =
  "/bin/busybox tr '\\000' '\\n' < /proc/1/environ | /bin/busybox grep '^DOCKER_RESOURCE_NVIDIA-GPU=' > /output/gpu.txt";

/**
 * The demonstration: miners send an awk program that counts Collatz steps. The job gets the numbers but not the answers. The
 * challenge compares the program's predictions with the answers.
 */
export const demonstration = defineChallenge({
  version: buildInfo.version,
  capabilities: ["get_weights", "docker_executor"],
  settings: DemoSettings,
  accept: ({ body }) => acceptProgram(body),
  job: ({ content }, { settings }) => ({
    image: settings.job_image,
    command: ["/bin/sh", "-c", settings.gpu_count > 0 ? `${noteGpu}; ${predict}` : predict],
    timeout_seconds: settings.job_timeout_seconds,
    inputs: [
      { target: "/submission", archive: content },
      { target: "/inputs", archive: casesArchive(collatzCases(settings.seed)) },
    ],
    outputs: ["/output"],
    limits: {
      cpus: 1,
      memory: "256m",
      pids_limit: 64,
      network: "none",
      user: "65534:65534",
      ...(settings.gpu_count > 0 ? { gpu_count: settings.gpu_count } : {}),
    },
  }),
  score: (job, { settings }) => scoreJob(job, settings),
  routes: ({ settings }) =>
    new Elysia().get("/v1/task", () => ({
      description:
        "Send predict.awk in a gzipped tar or a zip. For each number of the input print how many Collatz steps it takes to 1.",
      command: predict,
      cases: collatzCases(settings.seed),
    })),
});

async function scoreJob(job: FinishedJob, { seed }: Static<typeof DemoSettings>) {
  const [predictions, gpu] = await job.outputFiles("/output", ["predictions.txt", "gpu.txt"], predictions_bytes_max);
  if (!predictions) throw new SubmissionFault("no_predictions", "the program left no predictions");
  const { score, answered, right } = scorePredictions(predictions.toString("latin1"), collatzCases(seed));
  const details = {
    answered,
    right,
    cases: case_count,
    node_class: job.job.node_class,
    gpu: gpu?.toString("latin1").trim().split("=")[1]?.slice(0, 256) ?? null,
  };
  return { score, details };
}
