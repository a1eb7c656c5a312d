/** The server's answer to a handshake. */
export class HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  /** As they came: every line of its own, names not folded. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty for a 101. */
  body = "";

  /** @throws Error for what is no HTTP/1 response head. */
  constructor(head: string) {
    const [statusLine = "", ...lines] = head.split("\r\n");
    const parts = /^HTTP\/(1\.[01]) (\d{3})(?: (.*))?$/.exec(statusLine);
    if (parts === null) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
    this.httpVersion = parts[1] ?? "";
    this.status = Number(parts[2]);
    this.statusText = parts[3] ?? "";
    this.headers = lines.map((line) => {
      const header = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
      if (header === null) throw new Error(`not a header line: ${JSON.stringify(line)}`);
      return [header[1] ?? "", header[2] ?? ""] as const;
    });
  }

  /** Every value of a header, in order. */
  all(name: string): string[] {
    return this.headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  /** The values joined as RFC 9110 §5.3 allows, or `undefined`. */
  header(name: string): string | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /** The `name=value` part of every cookie that is set. */
  get cookies(): string[] {
    return this.all("set-cookie").map((cookie) => cookie.split(";", 1)[0] ?? "");
  }

  /** The body that `bytes` hold, or `undefined` while it is not complete. @param options `ended`: nothing more comes. */
  bodyOf(bytes: Buffer, { ended }: { readonly ended: boolean }): string | undefined {
    if (this.status === 204 || this.status === 304) return "";
    if (this.header("transfer-encoding")?.toLowerCase() === "chunked") return dechunk(bytes);
    const length = this.header("content-length");
    if (length === undefined) return ended ? bytes.toString("utf8") : undefined;
    return bytes.byteLength < Number(length) ? undefined : bytes.subarray(0, Number(length)).toString("utf8");
  }
}

function dechunk(bytes: Buffer): string | undefined {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error("a chunk without a length");
    if (size === 0) return Buffer.concat(chunks).toString("utf8");
    at = lineEnd + 2 + size + 2;
    if (bytes.byteLength < at) return undefined;
    chunks.push(bytes.subarray(lineEnd + 2, at - 2));
  }
}
