import { describe, expect, it } from "vitest";
import type { ServerStatus } from "../src/contract.ts";
import { refusalOf } from "../src/launcher-link.ts";

type State = ServerStatus["state"];

function serversIn(...states: State[]): ServerStatus[] {
  return states.map((state, index) => ({ number: index + 1, framework: "express", port: 1, state }));
}

describe("what may be done with a server", () => {
  it.each<[State[], string[]]>([
    [
      ["running", "running", "running"],
      ["drain", "kill"],
    ],
    // The last one that runs stays: a page needs one to ask.
    [["running", "stopped", "stopped"], []],
    [["running", "draining", "starting"], []],
    [["stopped", "running", "stopped"], ["start"]],
    [
      ["draining", "running", "stopped"],
      ["drain", "kill"],
    ],
    [
      ["starting", "running", "stopped"],
      ["drain", "kill"],
    ],
  ])("in %j with the first one: %j", (states, allowed) => {
    const actions = (["drain", "kill", "start"] as const).filter((action) => refusalOf(action, 1, serversIn(...states)) === undefined);
    expect(actions).toEqual(allowed);
  });

  it("is nothing with one that does not exist", () => {
    expect(refusalOf("start", 4, serversIn("running"))).toBe("There is no server 4");
  });
});
