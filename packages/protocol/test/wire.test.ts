import {
  decodeBinaryFrame,
  encodeBinaryFrame,
  errorCodes,
  fromWireError,
  isTopicName,
  readClientFrame,
  RealtimeError,
  topicName,
  TopicPattern,
  toWireError,
  type ErrorCode,
} from "@upwire/protocol";
import { describe, expect, it } from "vitest";

describe("a message of a client", () => {
  it.each<readonly [unknown, object]>([
    [
      { type: "typing", payload: 1, more: 2 },
      { kind: "event", type: "typing", payload: 1 },
    ],
    [
      { type: "rename", id: 7, payload: {}, key: "k" },
      { kind: "request", type: "rename", id: 7, payload: {}, key: "k" },
    ],
    [
      { type: "message", topic: "a:b", payload: 1 },
      { kind: "publish", type: "message", topic: "a:b", id: undefined, payload: 1, key: undefined },
    ],
    [
      { type: "upwire.subscribe", id: 1, topic: "a" },
      { kind: "subscribe", id: 1, topic: "a", since: undefined },
    ],
    [
      { type: "upwire.subscribe", id: 1, topic: "a", since: { last: 3 } },
      { kind: "subscribe", id: 1, topic: "a", since: { last: 3 } },
    ],
    [
      { type: "upwire.unsubscribe", id: 2, topic: "a" },
      { kind: "unsubscribe", id: 2, topic: "a" },
    ],
    [
      { type: "upwire.cancel", re: 2 },
      { kind: "cancel", re: 2 },
    ],
    [
      { type: "upwire.ping", id: 2 },
      { kind: "ping", id: 2 },
    ],
    [{ re: 5, payload: 1 }, { kind: "ignored" }],
  ])("%j is read as %j", (value, frame) => {
    expect(readClientFrame(value)).toEqual(frame);
  });

  it("nests 64 deep at most, and is no reason to overflow the stack", () => {
    const nested = (levels: number): unknown => JSON.parse(`{"type":"a","payload":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`);
    expect(readClientFrame(nested(64))).toMatchObject({ kind: "event" });
    expect(readClientFrame(nested(65))).toMatchObject({ kind: "fault", code: "bad_message", message: "it nests deeper than 64" });
    expect(readClientFrame(nested(30_000))).toMatchObject({ kind: "fault", code: "bad_message" });
  });
});

describe("a topic pattern", () => {
  it("takes apart what it put together, and each topic has one name", () => {
    const pattern = new TopicPattern("room:{room}:of:{user}");
    for (const room of ["tea", "a b", "50%", "a:b", "böse", "\u0000", "%25", "{room}"]) {
      const name = pattern.name({ room, user: 7 });
      expect(isTopicName(name)).toBe(true);
      expect(pattern.match(name)).toEqual({ room, user: "7" });
      expect(topicName(pattern.pattern, { room, user: 7 })).toBe(name);
    }
    expect(pattern.match("room:%74ea:of:7")).toBeUndefined();
    expect(pattern.match("room:50%:of:7")).toBeUndefined();
    expect(() => pattern.name({ room: "", user: 1 })).toThrow(TypeError);
    expect(() => pattern.name({ room: "a" })).toThrow("parameter user is undefined");
  });
});

describe("errors", () => {
  it("are retryable as the table says, and come back from the wire", () => {
    for (const [code, { retryable }] of Object.entries(errorCodes) as [ErrorCode, { retryable: boolean }][]) {
      expect([code, new RealtimeError(code).retryable]).toEqual([code, retryable]);
    }
    const error = new RealtimeError("room.full", "the room is full", { retryable: true, details: { size: 3 } });
    expect(fromWireError(JSON.parse(JSON.stringify(toWireError(error))))).toEqual(error);
    expect(fromWireError(null)).toMatchObject({ code: "internal", retryable: false });
    expect(() => new RealtimeError("Room Full")).toThrow(TypeError);
  });
});

describe("a binary frame", () => {
  it("comes back as it was", () => {
    const frame = encodeBinaryFrame({ type: "ü" }, Uint8Array.of(1, 2, 3));
    expect(decodeBinaryFrame(frame)).toEqual({ header: { type: "ü" }, payload: Uint8Array.of(1, 2, 3) });
    expect(decodeBinaryFrame(frame.subarray(0, 10))).toBeUndefined();
    expect(decodeBinaryFrame(new Uint8Array(3))).toBeUndefined();
  });
});
