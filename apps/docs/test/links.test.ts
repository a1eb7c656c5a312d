import { existsSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow, read, root } from "./pages.ts";

/** The pages of the repository that packages and the site name by their address. */
const REPOSITORY = /^https:\/\/github\.com\/upwire\/upwire\/(?:blob|tree)\/main\//;

interface Link {
  readonly target: string;
  readonly line: number;
}

const pages = filesBelow("", ".md");

describe("links of the Markdown files", () => {
  it("lead to files and headings that exist", () => {
    expect(pages.length).toBeGreaterThan(40);
    const dead = pages.flatMap((page) =>
      linksOf(page)
        .filter(({ target }) => !isAlive(page, target))
        .map(({ target, line }) => `${page}:${line} ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it("lead nowhere outside a package that is shipped, where only the package itself is", () => {
    const shipped = pages.filter((page) => /^packages\/[^/]+\/README\.md$/.test(page));
    expect(shipped.length).toBeGreaterThan(5);
    const outside = shipped.flatMap((page) =>
      linksOf(page)
        .filter(({ target }) => !/^(?:https?:|#)/.test(target))
        .map(({ target, line }) => `${page}:${line} ${target}`),
    );
    expect(outside).toEqual([]);
  });
});

it("README.md has at most 200 lines", () => {
  expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(200);
});

/** Links and pictures, those in samples left out. */
function linksOf(page: string): Link[] {
  return proseOf(page).flatMap((text, index) =>
    [...text.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => ({ target, line: index + 1 })),
  );
}

/** The lines of a page, with empty ones for samples. */
function proseOf(page: string): string[] {
  let isSample = false;
  return read(page)
    .split("\n")
    .map((line) => {
      const isFence = /^\s*```/.test(line);
      if (isFence) isSample = !isSample;
      return isSample || isFence ? "" : line;
    });
}

function isAlive(page: string, target: string): boolean {
  const [address = "", anchor] = target.split("#", 2);
  if (/^[a-z]+:/.test(address) && !REPOSITORY.test(address)) return true;
  const path = REPOSITORY.test(address)
    ? address.replace(REPOSITORY, "")
    : address.startsWith("/")
      ? posix.join("apps/docs/public", address)
      : address === ""
        ? page
        : posix.join(posix.dirname(page), address);
  if (!existsSync(new URL(path, root))) return false;
  return anchor === undefined || anchorsOf(path).includes(anchor);
}

function anchorsOf(path: string): string[] {
  return proseOf(path).flatMap((line) => {
    const heading = /^#+ (.+)$/.exec(line)?.[1];
    return heading === undefined ? [] : [slugOf(heading)];
  });
}

/** As VitePress writes the anchors of headings. GitHub's differ for what has a dot or a colon in it, which links leave alone. */
function slugOf(heading: string): string {
  return heading
    .replaceAll(/[`*]/g, "")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
    .replaceAll(/^-|-$/g, "");
}
