import { decodeBinaryFrame, encodeBinaryFrame } from "@upwire/protocol";
import { describe, expect, it } from "vitest";
import { gapText, headOf, plainFrame, v1Frame } from "../../src/topics/frames.ts";
import { stage, withHistory, withoutHistory } from "./stage.ts";

const bytes = Uint8Array.of(0, 255, 123, 34);

describe("a publication", () => {
  it("of text has topic and offset in front, and is as it was for clients without the protocol", () => {
    const data = '{"type":"message","payload":{"text":"ä"}}';
    const head = headOf('room:"tea"', { hasHistory: true });
    expect(JSON.parse(v1Frame(data, `${head}12`).payload.toString())).toEqual({ topic: 'room:"tea"', offset: 12, type: "message", payload: { text: "ä" } });
    expect(JSON.parse(v1Frame(data, headOf("t", { hasHistory: false })).payload.toString())).toEqual({ topic: "t", type: "message", payload: { text: "ä" } });
    expect(plainFrame(data).payload.toString()).toBe(data);
  });

  it("of bytes has them in the header, and is the bytes alone for clients without the protocol", () => {
    const data = encodeBinaryFrame({ type: "image", size: 4 }, bytes);
    const frame = v1Frame(data, `${headOf("t", { hasHistory: true })}12`);
    expect(frame.isBinary).toBe(true);
    expect(decodeBinaryFrame(frame.payload)).toEqual({ header: { topic: "t", offset: 12, type: "image", size: 4 }, payload: Buffer.from(bytes) });
    expect(new Uint8Array(plainFrame(data).payload)).toEqual(bytes);
    expect(plainFrame(data).isBinary).toBe(true);
  });

  it("of bytes that are a part of something longer is that part", () => {
    const data = encodeBinaryFrame({ type: "image" }, bytes);
    const longer = new Uint8Array(data.length + 20).fill(7);
    longer.set(data, 10);
    const part = longer.subarray(10, 10 + data.length);
    expect(decodeBinaryFrame(v1Frame(part, headOf("t", { hasHistory: false })).payload)).toEqual({
      header: { topic: "t", type: "image" },
      payload: Buffer.from(bytes),
    });
    expect(new Uint8Array(plainFrame(part).payload)).toEqual(bytes);
  });
});

it("a gap says where it is, or only why", () => {
  const place = { after: 3, to: { epoch: "epoch-1", offset: 9 } };
  expect(JSON.parse(gapText({ topic: "t", reason: "slow", place, state: '{"a":1}' }))).toEqual({
    type: "upwire.gap",
    topic: "t",
    payload: { after: 3, epoch: "epoch-1", offset: 9, reason: "slow", state: { a: 1 } },
  });
  expect(JSON.parse(gapText({ topic: "t", reason: "lost", place: undefined, state: undefined }))).toEqual({
    type: "upwire.gap",
    topic: "t",
    payload: { reason: "lost" },
  });
});

it("members of both kinds get a publication, each in its own form, live and later", async () => {
  const { connect, topics } = stage();
  const [v1, plain] = [await connect(), await connect()];
  const data = encodeBinaryFrame({ type: "image" }, bytes);
  for (const config of [withHistory, withoutHistory]) {
    const name = config === withHistory ? "t" : "u";
    v1.subscribe(config, undefined, name);
    plain.add(config, name);
    await v1.next();
    await topics.publish(name, config, data, {});
    const place = config === withHistory ? { topic: name, offset: 1 } : { topic: name };
    expect(await v1.next()).toEqual([`binary ${Buffer.from(encodeBinaryFrame({ ...place, type: "image" }, bytes)).toString("hex")}`]);
    expect(await plain.next()).toEqual([`binary ${Buffer.from(bytes).toString("hex")}`]);
  }
  v1.subscribe(withHistory, { last: 1 });
  expect((await v1.next()).at(-1)).toBe(`binary ${Buffer.from(encodeBinaryFrame({ topic: "t", offset: 1, type: "image" }, bytes)).toString("hex")}`);
});
