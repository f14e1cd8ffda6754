import base from "./migrations/0001-base.sql" with { type: "text" };
import broker from "./migrations/0002-broker.sql" with { type: "text" };
import uploads from "./migrations/0003-uploads.sql" with { type: "text" };
import weights from "./migrations/0004-weights.sql" with { type: "text" };
import dispatch from "./migrations/0005-dispatch.sql" with { type: "text" };
import workerOrders from "./migrations/0006-worker-orders.sql" with { type: "text" };
import clockSteps from "./migrations/0007-clock-steps.sql" with { type: "text" };
import registryCredentials from "./migrations/0008-registry-credentials.sql" with { type: "text" };
import dataVolumes from "./migrations/0009-data-volumes.sql" with { type: "text" };
import clockOffsets from "./migrations/0010-clock-offsets.sql" with { type: "text" };
import weightsAnswers from "./migrations/0011-weights-answers.sql" with { type: "text" };
import jobStates from "./migrations/0012-job-states.sql" with { type: "text" };
import queueOrder from "./migrations/0013-queue-order.sql" with { type: "text" };
import skippedOutputs from "./migrations/0014-skipped-outputs.sql" with { type: "text" };

/** In order; number n is version n. Applied ones are never edited. */
export const migrations: readonly { readonly name: string; readonly sql: string }[] = [
  { name: "base", sql: base },
  { name: "broker", sql: broker },
  { name: "uploads", sql: uploads },
  { name: "weights", sql: weights },
  { name: "dispatch", sql: dispatch },
  { name: "worker-orders", sql: workerOrders },
  { name: "clock-steps", sql: clockSteps },
  { name: "registry-credentials", sql: registryCredentials },
  { name: "data-volumes", sql: dataVolumes },
  { name: "clock-offsets", sql: clockOffsets },
  { name: "weights-answers", sql: weightsAnswers },
  { name: "job-states", sql: jobStates },
  { name: "queue-order", sql: queueOrder },
  { name: "skipped-outputs", sql: skippedOutputs },
];
