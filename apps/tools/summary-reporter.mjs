// Ends a run with "N passed, N failed[, N skipped]" alone on the last line: CI reads that line, so no other may look like it.
const VARIANT = "adapter: ";

export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors, reason) {
    const total = new Tally();
    const variants = new Map();
    total.failed += unhandledErrors.length;

    for (const module of modules) {
      total.addModule(module);
      for (const suite of module.children.suites()) {
        if (!suite.name.startsWith(VARIANT)) continue;
        const name = suite.name.slice(VARIANT.length);
        if (!variants.has(name)) variants.set(name, new Tally());
        variants.get(name).addSuite(suite);
      }
    }
    // A run can also fail by a threshold or an interrupt; "0 failed" would then be a lie.
    if (reason !== "passed" && total.failed === 0) total.failed = 1;

    const lines = [""];
    for (const name of total.skippedNames) lines.push(`skipped: ${name}`);
    for (const [name, tally] of variants) lines.push(`describeAdapter: ${name} ${tally.counts(true)}`);
    lines.push(total.counts(total.skipped > 0));
    console.log(lines.join("\n"));
  }
}

class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  skippedNames = [];

  addModule(module) {
    this.failed += module.errors().length;
    this.#addChildren(module.children);
  }

  addSuite(suite) {
    this.failed += suite.errors().length;
    this.#addChildren(suite.children);
  }

  counts(withSkipped) {
    return `${this.passed} passed, ${this.failed} failed${withSkipped ? `, ${this.skipped} skipped` : ""}`;
  }

  #addChildren(children) {
    for (const child of children) {
      if (child.type === "suite") this.addSuite(child);
      else this.#addTest(child);
    }
  }

  #addTest(test) {
    const { state, note } = test.result();
    if (state === "passed") this.passed++;
    else if (state === "failed") this.failed++;
    else {
      this.skipped++;
      this.skippedNames.push(note ? `${test.fullName} (${note})` : test.fullName);
    }
  }
}
