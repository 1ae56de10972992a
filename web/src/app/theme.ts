import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const brand: MantineColorsTuple = [
  '#eef0ff',
  '#dcdffe',
  '#b6bcfb',
  '#8e97f8',
  '#6f7af5',
  '#5b6cff',
  '#4f5ce6',
  '#414ccc',
  '#333da6',
  '#272f80',
];
// Neutral greys with a slight blue cast: 7 is the body, 6 raised, 5 and 4 borders, 2 to 0 text.
const dark: MantineColorsTuple = [
  '#e3e5ea',
  '#c4c8d0',
  '#9aa0ac',
  '#6d7380',
  '#343943',
  '#262a32',
  '#16191e',
  '#0e1013',
  '#0b0c0f',
  '#08090b',
];

const xs = { defaultProps: { size: 'xs' } };
type Sized = { size?: string | number };

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: 6,
  colors: { brand, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, 'SF Mono', Menlo, monospace",
  fontSizes: { xs: '11px', sm: '12px', md: '13px', lg: '14px', xl: '16px' },
  lineHeights: { xs: '16px', sm: '18px', md: '20px', lg: '20px', xl: '24px' },
  spacing: { xs: '4px', sm: '8px', md: '12px', lg: '16px', xl: '24px' },
  radius: { xs: '3px', sm: '4px', md: '6px', lg: '8px', xl: '12px' },
  defaultRadius: 'md',
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '18px', lineHeight: '24px' },
      h2: { fontSize: '15px', lineHeight: '20px' },
      h3: { fontSize: '13px', lineHeight: '20px' },
    },
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // The library's own "xs" is 30 px high with 9 to 10 px error text: cut to 28 px and 12 px.
    Button: {
      defaultProps: { size: 'xs' },
      vars: (_: unknown, p: Sized) => ({
        root: p.size === 'xs' ? { '--button-height': '28px', '--button-fz': '12px', '--button-padding-x': '10px' } : {},
      }),
    },
    Input: {
      vars: (_: unknown, p: Sized) => ({
        wrapper: p.size === 'xs' ? { '--input-height': '28px', '--input-fz': '12px' } : {},
      }),
    },
    InputWrapper: {
      vars: () => ({
        label: { '--input-label-size': '12px' },
        error: { '--input-error-size': '12px' },
        description: { '--input-description-size': '12px' },
      }),
    },
    Kbd: {
      styles: {
        root: {
          border: '1px solid var(--line-strong)',
          borderBottomWidth: 1,
          background: 'transparent',
          color: 'var(--tx-2)',
          fontFamily: 'inherit',
          fontSize: 11,
          fontWeight: 500,
          padding: '0 5px',
          lineHeight: '16px',
        },
      },
    },
    ActionIcon: { defaultProps: { size: 'md', variant: 'subtle', color: 'gray' } },
    TextInput: xs,
    PasswordInput: xs,
    Textarea: xs,
    Select: xs,
    NativeSelect: xs,
    MultiSelect: xs,
    Autocomplete: xs,
    TagsInput: xs,
    NumberInput: xs,
    SegmentedControl: {
      defaultProps: { size: 'xs', withItemsBorders: false },
      styles: { root: { padding: 2 }, label: { padding: '2px 8px', lineHeight: '18px', fontSize: 12 } },
    },
    Checkbox: { defaultProps: { size: 'xs' }, styles: { label: { fontSize: 12 } } },
    Switch: { defaultProps: { size: 'xs' }, styles: { label: { fontSize: 12 } } },
    Radio: { defaultProps: { size: 'xs' }, styles: { label: { fontSize: 12 } } },
    Tooltip: { defaultProps: { openDelay: 350, fz: 'xs' } },
    Menu: {
      defaultProps: { shadow: 'none', transitionProps: { duration: 80 } },
      styles: {
        dropdown: { boxShadow: 'var(--shadow-pop)', border: 0, padding: 4, background: 'var(--bg-pop)' },
        item: { fontSize: 12, padding: '5px 8px', lineHeight: '18px' },
        label: { fontSize: 11, padding: '4px 8px' },
      },
    },
    Popover: {
      defaultProps: { shadow: 'none', transitionProps: { duration: 80 } },
      styles: { dropdown: { boxShadow: 'var(--shadow-pop)', border: 0, padding: 8, background: 'var(--bg-pop)' } },
    },
    Modal: {
      defaultProps: {
        transitionProps: { duration: 100 },
        overlayProps: { backgroundOpacity: 0.45 },
        centered: true,
        closeButtonProps: { 'aria-label': 'Close' },
      },
      styles: {
        content: { boxShadow: 'var(--shadow-pop)', background: 'var(--bg-pop)' },
        header: { background: 'var(--bg-pop)', padding: '12px 16px', minHeight: 44 },
        title: { fontWeight: 600, fontSize: 14 },
        body: { padding: '4px 16px 16px' },
      },
    },
    Drawer: {
      defaultProps: {
        transitionProps: { duration: 120 },
        overlayProps: { backgroundOpacity: 0.3 },
        closeButtonProps: { 'aria-label': 'Close' },
      },
      styles: {
        title: { fontWeight: 600, fontSize: 14 },
        content: { background: 'var(--bg-pop)' },
        header: { background: 'var(--bg-pop)' },
      },
    },
    Notification: { styles: { root: { boxShadow: 'var(--shadow-pop)', border: 0, background: 'var(--bg-pop)' } } },
  },
});

// Placeholder and error text reach 4.5:1 on the surfaces they stand on.
export const cssVars: CSSVariablesResolver = () => ({
  variables: {},
  dark: {
    '--mantine-color-body': '#0e1013',
    '--mantine-color-text': '#d5d8de',
    '--mantine-color-dimmed': '#9aa0ac',
    '--mantine-color-default-border': '#2b3038',
    '--mantine-color-placeholder': '#8a91a0',
    '--mantine-color-error': '#ff7a90',
  },
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-text': '#1c2024',
    '--mantine-color-dimmed': '#5c6370',
    '--mantine-color-default-border': '#dfe3e9',
    '--mantine-color-placeholder': '#6b7280',
    '--mantine-color-error': '#c2113a',
  },
});
