import classes from './markdown.module.css';

/** Text that the server has rendered from Markdown and cleaned. Never give it text from anywhere else. */
export function Markdown({ html }: { html: string }) {
  // biome-ignore lint/security/noDangerouslySetInnerHtml: the server renders and cleans it, and the CSP forbids inline scripts
  return <div className={classes.md} dangerouslySetInnerHTML={{ __html: html }} />;
}
