/** The smallest challenge, as its author writes it; roles/challenge/README.md shows this file. */
import { Type } from "@sinclair/typebox";
import {
  acceptArchive,
  defineChallenge,
  FromEnvironment,
  ProblemError,
  runChallenge,
  SubmissionFault,
} from "../../../roles/challenge/sdk.ts";

const dice = defineChallenge({
  version: "1.0.0",
  capabilities: ["get_weights", "docker_executor"],
  settings: Type.Object({
    dice_image: FromEnvironment("DICE_IMAGE", Type.String({ description: "image of the evaluation jobs" })),
  }),
  async accept({ body }) {
    if (body.length > 100_000) throw new ProblemError(413, "too_large", "A submission has at most 100,000 bytes");
    return await acceptArchive(body, { rules: { forms: ["zip"] } });
  },
  job: ({ content }, { settings }) => ({
    image: settings.dice_image,
    command: ["/bin/sh", "-c", ". /submission/roll.sh > /output/roll.txt"],
    timeout_seconds: 10,
    inputs: [{ target: "/submission", archive: content }],
    outputs: ["/output"],
  }),
  async score(job) {
    const [roll] = await job.outputFiles("/output", ["roll.txt"], 64);
    const eyes = Number(roll?.toString().trim());
    if (!(eyes >= 1 && eyes <= 6)) throw new SubmissionFault("no_die", "the program rolled no die");
    return { score: eyes / 6, details: { eyes } };
  },
});

await runChallenge(dice);
