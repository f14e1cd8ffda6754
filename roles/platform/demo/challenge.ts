import { buildInfo } from "#shared/process/build-info.ts";

export const demoSlug = "demo";
const category = "demonstration";

/** Whether a record of the registry is the demonstration's or a copy of it. On a real subnet such a challenge must not earn. */
export function isDemonstration(spec: unknown): boolean {
  const { image, metadata } = (spec ?? {}) as { image?: string; metadata?: { category?: string } };
  return image?.startsWith("platform/challenge:") === true && metadata?.category === category;
}

/** The demonstration challenge's record, in the form that the admin API takes. */
export function demoChallenge(): Record<string, unknown> & { readonly slug: string } {
  const { version } = buildInfo;
  return {
    slug: demoSlug,
    name: "Demonstration",
    image: `platform/challenge:${version}`,
    version,
    api_version: "1.0",
    emission_percent: 100,
    description: "Programs that count Collatz steps, scored on hidden answers.",
    required_capabilities: ["get_weights", "docker_executor"],
    resources: { cpus: 1, memory_bytes: 512 * 2 ** 20 },
    env: { DEMO_JOB_IMAGE: `platform/demo-job:${version}` },
    metadata: {
      tagline: "Count Collatz steps in awk",
      category,
      submission_format: "gzip tar with predict.awk",
      evaluation_timeout_seconds: 60,
    },
    jobs: {
      running_max: 4,
      queued_max: 100,
      share_weight: 1,
      gpu_count_max: 0,
      image_allowlist: ["platform/demo-job"],
      allow_egress: false,
      networks: [],
      queueing: true,
      blob_bytes_max: 2 ** 30,
    },
  };
}
