import { describe, expect, it } from "vitest";
import { redisBroker } from "@upwire/redis";

const url = "redis://127.0.0.1:1";

describe("redisBroker", () => {
  it.each([
    ["nothing", undefined, "neither client nor url is given"],
    ["null", null, "redisBroker: the options are null"],
    ["both", { url, client: {} }, "both client and url are given"],
    ["an option that does not exist", { url, prefx: "x" }, 'redisBroker: there is no option "prefx"; write "prefix"'],
    ["queue: null", { url, queue: null }, "redisBroker: queue: null is not allowed; give an object with options"],
    ["queue: 5", { url, queue: 5 }, "redisBroker: queue: 5 is not allowed; give an object with options"],
    ["an option of the queue that does not exist", { url, queue: { message: 1 } }, 'queue: there is no option "message"'],
    ["no number", { url, queue: { ageMs: "1" } }, "queue.ageMs: 1 is not allowed"],
    ["an empty batch", { url, batch: { messages: 0 } }, "batch.messages: 0 is not allowed"],
    ["onError: 5", { url, onError: 5 }, "redisBroker: onError: 5 is not allowed; give a function"],
    ["sharded: text", { url, sharded: "yes" }, "redisBroker: sharded:"],
    ["clock: {}", { url, clock: {} }, "redisBroker: clock: an object is not allowed"],
    ["an empty prefix", { url, prefix: "" }, 'prefix: "" is not allowed'],
    ["a prefix with half a character", { url, prefix: "a\ud800" }, "is not allowed; give 1 to 64 characters"],
    ["a prefix with braces", { url, prefix: "{a}" }, "is not allowed; give 1 to 64 characters"],
  ])("refuses %s", (_, options, says) => {
    expect(() => redisBroker(options as never)).toThrow(says);
  });
});
