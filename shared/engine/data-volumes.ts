import type { Labels } from "./objects.ts";

const labelPrefix = "platform.data.";

/** The volume of a worker in which its operator keeps the data set. */
export const dataVolume = (name: string) => `platform-data-${name}`;

/** Where jobs find it in their containers. */
export const dataTarget = (name: string) => `/data/${name}`;

/** The data sets that lie on a node, by its labels `platform.data.NAME=true`. */
export function dataVolumesOf(labels: Labels): string[] {
  return Object.entries(labels).flatMap(([label, value]) =>
    label.startsWith(labelPrefix) && value === "true" ? [label.slice(labelPrefix.length)] : [],
  );
}
