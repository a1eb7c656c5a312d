import { afterAll, beforeAll } from "vitest";

/** To be called in a `describe`, or at the top of a test file. @returns what its tests have left uncaught, or unhandled, so far: take out what you have looked at. */
export function noteUncaught(): unknown[] {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  beforeAll(() => {
    process.on("uncaughtException", note);
    process.on("unhandledRejection", note);
  });
  afterAll(() => {
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
  });
  return uncaught;
}
