import manifest from "../../package.json";

declare const BUILD_COMMIT: string | undefined;

/** What this executable was built from; The build sets the commit; it is "development" when run from source. */
export const buildInfo = {
  version: manifest.version,
  commit: typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "development",
} as const;
