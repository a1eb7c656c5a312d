import { expect, it } from "vitest";
import { Answers } from "../src/fuzz/answers.ts";
import type { HttpAnswer } from "../src/http-answer.ts";

it("knows by its number that an answer is that to HEAD, also when a request before it was lost", () => {
  const heads: HttpAnswer[] = [];
  const answers = new Answers(["POST", "POST", "HEAD", "GET"], (answer) => void heads.push(answer));
  const answer = (number: number, body = ""): string => `HTTP/1.1 200 OK\r\nX-Fuzz: ${number}\r\nContent-Length: 2\r\n\r\n${body}`;
  const rest = answers.push(Buffer.from(`${answer(0, "ok")}${answer(2)}HTTP/1.1 101 Switching Protocols\r\n\r\nframes`));
  expect(heads.map(({ status }) => status)).toEqual([200, 200, 101]);
  expect(rest?.toString()).toBe("frames");
});
