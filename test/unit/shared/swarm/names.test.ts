import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  challengeServiceName,
  challengeVolumeName,
  isOwnService,
  isVolumeOfChallengeOrJob,
  jobName,
  jobOfName,
  jobVolume,
  roleName,
  stagerName,
} from "#shared/swarm/names.ts";

const ids = fc.stringMatching(/^[0-9a-f]{32}$/);

test("the job is read back from every name that was made of it", () => {
  fc.assert(
    fc.property(ids, fc.nat(31), (id, mount) => {
      const names = [jobName(id), jobVolume(id, mount), stagerName("stage", id), stagerName("collect", id)];
      expect(names.map(jobOfName)).toEqual(names.map(() => id));
    }),
  );
});

test.each(["platform-job-", "platform-broker", "other-job-0123456789abcdef0123456789abcdef", "platform-job-x"])(
  "%s is no job's name",
  (name) => {
    expect(jobOfName(name)).toBe("");
  },
);

test("a purge finds the volumes of challenges and jobs, and no others", () => {
  const own = [challengeVolumeName("my-challenge"), jobVolume("0".repeat(32), 3)];
  expect([...own, "platform_blobs", "platform-data-set", "other_sqlite"].filter(isVolumeOfChallengeOrJob)).toEqual(own);
});

test("services of roles and challenges are known by their names", () => {
  expect([roleName("proxy"), challengeServiceName("demo"), "web"].map(isOwnService)).toEqual([true, true, false]);
});
