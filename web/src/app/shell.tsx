import { ActionIcon, Kbd, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useHotkeys, useLocalStorage } from '@mantine/hooks';
import {
  IconDots,
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconMoon,
  IconSearch,
  IconSun,
} from '@tabler/icons-react';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { useChords } from '@/lib/chords';
import { type NavEntry, WINGS, type Wing } from '@/lib/module';
import { useCan } from '@/lib/permissions';
import { live, useLiveStatus } from '@/lib/stream';
import { clockTime, useZone } from '@/lib/time';
import { Mark } from './brand';
import { navEntries } from './registry';
import classes from './shell.module.css';

const Palette = lazy(() => import('./palette'));
const MoreSheet = lazy(() => import('./more-sheet'));
const UserMenu = lazy(() => import('./user-menu'));
const KeyHelp = lazy(() => import('./key-help'));

const LABEL: Record<Wing, string> = {
  overview: '',
  estate: 'Estate',
  observe: 'Observe',
  detect: 'Detect',
  respond: 'Respond',
  report: 'Report',
  settings: '',
};
const STATUS = { live: 'Live', lost: 'Reconnecting', connecting: 'Connecting' } as const;

/** The frame of every page: navigation, live state, palette and keys. Bare pages (sign-in, setup) stand alone. */
export function Shell() {
  const matches = useRouterState({ select: (s) => s.matches });
  const title = matches.findLast((m) => m.staticData?.title)?.staticData.title;
  useEffect(() => {
    document.title = title ? `${title} · Mainstay` : 'Mainstay';
  }, [title]);
  return matches.some((m) => m.staticData?.bare) ? <Outlet /> : <Frame />;
}

function Frame() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('dark');
  const toggle = () => setColorScheme(scheme === 'dark' ? 'light' : 'dark');
  const navigate = useNavigate();
  const can = useCan();
  const entries = useMemo(() => navEntries.filter((n) => can(n.permission)), [can]);
  const [narrow, setNarrow] = useLocalStorage({ key: 'mainstay-nav-narrow', defaultValue: false });
  const [palette, setPalette] = useState(false);
  const [mounted, setMounted] = useState(false);
  const [help, setHelp] = useState(false);
  const [more, setMore] = useState(false);

  const openPalette = () => {
    setMounted(true);
    setPalette(true);
  };
  useHotkeys(
    [
      ['mod+K', openPalette],
      ['mod+J', toggle],
    ],
    [],
  );
  useChords({
    '?': () => setHelp(true),
    '[': () => setNarrow((n) => !n),
    ...Object.fromEntries(entries.map((n) => [n.chord, () => void navigate({ to: n.to })])),
  });
  useEffect(() => {
    live.start();
    // React holds back a lazy part for 300 ms, so the palette is fetched and mounted before it is asked for.
    const t = setTimeout(() => setMounted(true), 1500);
    return () => clearTimeout(t);
  }, []);

  const bar = entries.filter((n) => n.phone).slice(0, 4);
  return (
    <div className={classes.shell} data-narrow={narrow || undefined}>
      <a className={classes.skip} href="#main">
        Skip to content
      </a>
      <nav className={`${classes.nav} noprint`} aria-label="Main">
        <Link to="/" className={classes.brand} aria-label="Mainstay, to the start">
          <Mark /> {!narrow && <span>Mainstay</span>}
        </Link>
        <Tip on={narrow} label="Search or jump to (Ctrl K)">
          <button
            type="button"
            className={classes.search}
            onClick={openPalette}
            aria-keyshortcuts="Control+K"
            aria-label={narrow ? 'Search or jump to' : undefined}
          >
            <IconSearch size={13} />
            {!narrow && (
              <>
                <span>Search or jump to</span> <Kbd size="xs">Ctrl K</Kbd>
              </>
            )}
          </button>
        </Tip>
        {WINGS.map((w) => {
          const list = entries.filter((n) => n.wing === w);
          if (!list.length) return null;
          return (
            <section key={w} className={classes.group} aria-label={LABEL[w] || w}>
              {LABEL[w] && !narrow && <div className={classes.groupLabel}>{LABEL[w]}</div>}
              {list.map((n) => (
                <NavLink key={n.to} entry={n} narrow={narrow} />
              ))}
            </section>
          );
        })}
        <div className={classes.foot}>
          <LiveDot narrow={narrow} />
          <Tooltip label={`${scheme === 'dark' ? 'Light' : 'Dark'} theme (Ctrl J)`}>
            <ActionIcon onClick={toggle} aria-label="Switch between light and dark theme">
              {scheme === 'dark' ? <IconSun size={15} /> : <IconMoon size={15} />}
            </ActionIcon>
          </Tooltip>
          <Tooltip label={narrow ? 'Widen navigation ( [ )' : 'Narrow navigation ( [ )'}>
            <ActionIcon
              onClick={() => setNarrow(!narrow)}
              aria-label={narrow ? 'Widen navigation' : 'Narrow navigation'}
            >
              {narrow ? <IconLayoutSidebarLeftExpand size={15} /> : <IconLayoutSidebarLeftCollapse size={15} />}
            </ActionIcon>
          </Tooltip>
          <Suspense fallback={<span className={classes.userSpace} />}>
            <UserMenu />
          </Suspense>
        </div>
      </nav>
      <main id="main" className={classes.main} tabIndex={-1}>
        <LostBanner />
        <Outlet />
      </main>
      <nav className={`${classes.bar} noprint`} aria-label="Main, phone">
        {bar.map((n) => (
          <NavLink key={n.to} entry={n} phone />
        ))}
        <button type="button" onClick={openPalette}>
          <IconSearch size={20} stroke={1.7} /> Search
        </button>
        <button type="button" onClick={() => setMore(true)}>
          <IconDots size={20} stroke={1.7} /> More
        </button>
      </nav>
      {more && (
        <Suspense fallback={null}>
          <MoreSheet onClose={() => setMore(false)}>
            {entries.map((n) => (
              <NavLink key={n.to} entry={n} />
            ))}
            <div className={classes.foot}>
              <LiveDot />
              <ActionIcon size="xl" onClick={toggle} aria-label="Switch between light and dark theme">
                {scheme === 'dark' ? <IconSun size={18} /> : <IconMoon size={18} />}
              </ActionIcon>
              <UserMenu size="xl" />
            </div>
          </MoreSheet>
        </Suspense>
      )}
      {mounted && (
        <Suspense fallback={null}>
          <Palette
            opened={palette}
            onClose={() => setPalette(false)}
            toggleTheme={toggle}
            showKeys={() => setHelp(true)}
            entries={entries}
          />
        </Suspense>
      )}
      {help && (
        <Suspense fallback={null}>
          <KeyHelp entries={entries} onClose={() => setHelp(false)} />
        </Suspense>
      )}
    </div>
  );
}

function Tip({ on, label, children }: { on: boolean; label: string; children: React.ReactElement }) {
  return (
    <Tooltip label={label} position="right" disabled={!on}>
      {children}
    </Tooltip>
  );
}

const noCount = () => undefined;

function NavLink({ entry: n, narrow = false, phone = false }: { entry: NavEntry; narrow?: boolean; phone?: boolean }) {
  const useCount = n.useCount ?? noCount;
  const count = useCount();
  const badge = count ? <em className="num">{count > 999 ? '999+' : count}</em> : null;
  return (
    <Tip on={narrow} label={`${n.label} ( ${n.chord} )`}>
      <Link
        to={n.to}
        className={phone ? undefined : classes.link}
        activeOptions={{ exact: n.to === '/', includeSearch: false }}
        activeProps={{ 'data-active': true, 'aria-current': 'page' } as object}
        aria-label={narrow ? n.label : undefined}
      >
        <n.icon size={phone ? 20 : 15} stroke={1.7} />
        {phone ? n.label : !narrow && <span>{n.label}</span>}
        {narrow ? null : phone ? badge : (badge ?? <kbd>{n.chord}</kbd>)}
      </Link>
    </Tip>
  );
}

function LiveDot({ narrow = false }: { narrow?: boolean }) {
  const status = useLiveStatus();
  return (
    <span className={classes.live} data-status={status} role="status" title={narrow ? STATUS[status] : undefined}>
      <span className={narrow ? 'vh' : undefined}>{STATUS[status]}</span>
    </span>
  );
}

/** Tells that what is on screen is no longer renewed. */
function LostBanner() {
  const status = useLiveStatus();
  const zone = useZone();
  if (status !== 'lost') return null;
  return (
    <div className={classes.lost}>
      Connection lost. Shown {live.seen ? `as of ${clockTime(live.seen, zone)}` : 'as last read'}; reconnecting.
    </div>
  );
}
