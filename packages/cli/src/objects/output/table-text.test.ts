import { describe, expect, it } from "vitest";
import { alignedTable, StreamedTable, tableLines, type TableView } from "./table-text.js";

const COLUMNS = [{ name: "Name" }, { name: "Status" }, { name: "Note", priority: 1 }];
const ROWS = [
  {
    cells: ["a", "Running", "x"],
    object: { metadata: { name: "a", namespace: "default", labels: { b: "2", app: "web" } } },
  },
  { cells: ["long-name", null, "two\nlines"], object: { metadata: { namespace: "kube-system" } } },
];
const VIEW: TableView = {
  wide: false,
  headers: true,
  withNamespace: false,
  labelColumns: [],
  showLabels: false,
};
const text = (view: Partial<TableView>): string =>
  alignedTable(tableLines(COLUMNS, ROWS, { ...VIEW, ...view }));

describe("tableLines()", () => {
  it("shows the narrow columns in capitals, without the wide ones", () => {
    expect(text({})).toBe("NAME        STATUS\na           Running\nlong-name   \n");
  });

  it("shows wide columns, only the first line of a cell", () => {
    expect(text({ wide: true, headers: false })).toBe(
      "a           Running   x\nlong-name             two...\n",
    );
  });

  it("puts namespace, kind and labels where they are asked for", () => {
    expect(
      text({
        withNamespace: true,
        kind: "pod",
        labelColumns: ["x.io/app", "app"],
        showLabels: true,
      }),
    ).toBe(
      [
        "NAMESPACE     NAME            STATUS    APP   APP   LABELS",
        "default       pod/a           Running         web   app=web,b=2",
        "kube-system   pod/long-name                         <none>",
        "",
      ].join("\n"),
    );
  });
});

it("StreamedTable only ever widens its columns", () => {
  const table = new StreamedTable();
  expect(table.addAll(["NAME\tAGE", "a\t1s"])).toBe("NAME   AGE\na      1s\n");
  expect(table.addAll(["much-longer\t2s"])).toBe("much-longer   2s\n");
  expect(table.addAll(["b\t3s"])).toBe("b             3s\n");
});
