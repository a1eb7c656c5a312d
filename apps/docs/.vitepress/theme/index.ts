import DefaultTheme from "vitepress/theme";
// oxlint-disable-next-line import/no-unassigned-import -- a style sheet has no names
import "./site.css";

export default DefaultTheme;
