import { describe, expect, it } from "vitest";
import { cellsOf, NEIGHBOURS, titleOf, TRANSPORTS, type Cell } from "../src/states/cell.ts";
import { HttpReader } from "../src/states/http-reader.ts";
import { rightAnswer } from "../src/states/right-answer.ts";

const cells: readonly Cell[] = TRANSPORTS.flatMap((transport) => NEIGHBOURS.flatMap((neighbour) => cellsOf(transport, neighbour)));

describe("the table of connection states", () => {
  it("has each cell once", () => {
    const titles = cells.map((cell) => `${cell.transport}, ${cell.neighbour}: ${titleOf(cell)}`);
    expect(new Set(titles).size).toBe(756);
    expect(titles.length).toBe(756);
  });

  it("gives a reason for each cell that ends, and for no other", () => {
    const wrong = cells.filter((cell) => {
      const { goesOn, reason } = rightAnswer(cell);
      return (goesOn === "closed") !== (reason !== undefined);
    });
    expect(wrong.map(titleOf)).toEqual([]);
  });

  it("ends so many, for these reasons", () => {
    const counts: Record<string, number> = {};
    for (const cell of cells) {
      const { reason } = rightAnswer(cell);
      if (reason !== undefined) counts[reason] = (counts[reason] ?? 0) + 1;
    }
    expect(counts).toEqual({
      "a refused handshake ends its connection: what follows it may be frames or a body": 180,
      "Node hands such a request to `upgrade` listeners, not to its parser, so that no further request can be read": 168,
      "RFC 9112 §9.6: behind a response with `Connection: close` no request is answered": 66,
    });
  });

  it("has an answer of ours exactly where no other listener takes the request", () => {
    const others = cells.filter((cell) => !["us", "no answer"].includes(rightAnswer(cell).by));
    expect(others.length).toBeGreaterThan(0);
    expect(others.every(({ owner, neighbour }) => owner === "theirs" && (neighbour === "at once" || neighbour === "late"))).toBe(true);
  });
});

describe("HttpReader", () => {
  const answers = [
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
  ].join("");

  for (const chunkBytes of [1, 7, 10_000]) {
    it(`splits responses that come ${chunkBytes} bytes at a time, and leaves what follows a 101 alone`, () => {
      const reader = new HttpReader();
      const bytes = Buffer.from(`${answers}HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK`);
      for (let at = 0; at < bytes.byteLength; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
      expect(reader.responses.map(({ head, body }) => [head.status, body.toString()])).toEqual([
        [200, "first"],
        [200, "second"],
        [404, ""],
        [101, ""],
      ]);
      expect([reader.isSwitched, reader.rest.toString()]).toEqual([true, "HTTP/1.1 200 OK"]);
    });
  }

  it("ends a response without a length with the connection, and says so when one is cut", () => {
    const reader = new HttpReader();
    reader.push(Buffer.from("HTTP/1.1 200 OK\r\n\r\nall of it"));
    expect(reader.isAmid).toBe(true);
    reader.end();
    expect(reader.responses.map(({ body }) => body.toString())).toEqual(["all of it"]);
    reader.push(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi"));
    reader.end();
    expect([reader.isAmid, reader.responses.length]).toEqual([true, 1]);
  });

  it("takes nothing for a response that is none", () => {
    expect(() => new HttpReader().push(Buffer.from("\x81\x05hello\r\n\r\n"))).toThrow("not a status line");
    expect(() => new HttpReader().push(Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n"))).toThrow("not the size of a chunk");
  });
});
