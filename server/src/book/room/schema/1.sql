-- A class, and where its book stands.
create table rooms (
    id bigint generated always as identity primary key,
    name text not null,
    -- SHA-256 of the code, of the teacher's token, and of the cookie made from it.
    code_hash bytea not null unique,
    token_hash bytea not null unique,
    cookie_hash bytea not null,
    -- The number of the last change.
    seq bigint not null default 0,
    -- Removed names are forgotten up to this change: a reader who is behind it reads
    -- the whole book again.
    trimmed bigint not null default 0,
    -- How many rows of the room have a phone, and how many have none.
    contacts integer not null default 0,
    removed integer not null default 0,
    -- The most contacts.
    quota integer not null,
    -- What the servers of the room tell each other, and the number of the last word.
    shared text,
    shared_no bigint not null default 0,
    shared_at timestamptz,
    -- The number of the last of the teacher's acts.
    acts bigint not null default 0,
    -- Whether it may be noted of a contact who stored it.
    authored boolean not null default false,
    created timestamptz not null default now(),
    -- The day of the last change or visit.
    used date not null default current_date,
    archived timestamptz
) with (fillfactor = 50);  -- Each group of changes updates a row in place.

-- A name's phone, or none where the name was removed, so that readers of
-- `seq > theirs` learn that, too. Names are compared byte by byte.
create table contacts (
    room bigint not null references rooms on delete cascade,
    name text collate "C" not null,
    phone text,
    seq bigint not null,
    -- Who stored it in this lesson.
    author text,
    primary key (room, name)
) with (fillfactor = 90);

create index contacts_in_order on contacts (room, seq);

-- What teachers did, for the journals of all servers. `origin` is where it was done, and
-- `entry` its number there, so that one whose confirmation was lost is added once.
create table acts (
    room bigint not null references rooms on delete cascade,
    number bigint not null,
    origin bigint not null,
    entry bigint not null,
    text text not null,
    -- What it took out of the book, as long as that can be undone.
    removed text,
    done timestamptz not null default now(),
    primary key (room, number),
    unique (room, origin, entry)
);

-- The servers, each of which gives a sign of life every second.
create unlogged table servers (
    id bigint primary key,
    seen timestamptz not null default now()
);

-- What a server tells the others of those who are connected to it. Rooms are not
-- referenced: that would lock their rows, for which changes wait.
create unlogged table presence (
    room bigint not null,
    server bigint not null references servers on delete cascade,
    number bigint not null,
    text text not null,
    primary key (room, server)
);

-- Which page has which number. Rooms are not referenced, as above.
create unlogged table page_numbers (
    room bigint not null,
    number bigint not null,
    -- A hash of the page's key.
    page bigint not null,
    given timestamptz not null default now(),
    primary key (room, number)
);

-- A lane of a server, and the mark of its last transaction, a random number. So a lane
-- whose connection broke during a commit can tell whether it was made.
create table lanes (
    id bigint generated always as identity primary key,
    mark bigint not null default 0,
    used timestamptz not null default now()
) with (fillfactor = 10);
