-- +goose Up

-- Who is writing: each transaction that writes says so first, if it is another one than the last.
CREATE TABLE author (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    actor TEXT    NOT NULL
) STRICT;

INSERT INTO author (one, actor) VALUES (1, 'migration');

-- What became of each payment and of each attempt, in order. Triggers write it, so that no statement can forget it. A row is never
-- changed.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    actor      TEXT NOT NULL,
    payment    TEXT,          -- NULL: a gap fill
    subject    TEXT NOT NULL CHECK (subject IN ('withdrawal', 'attempt')),
    attempt    INTEGER,       -- NULL: about the withdrawal
    purpose    TEXT,          -- of the attempt
    wallet_id  INTEGER,       -- NULL: it has no nonce
    nonce      INTEGER,
    from_state TEXT,          -- NULL: it begins
    to_state   TEXT NOT NULL,
    outcome    TEXT,
    detail     TEXT NOT NULL, -- reason, or note
    hash       TEXT,          -- of the transaction on the chain, else of the newest attempt
    CHECK ((subject = 'attempt') = (attempt IS NOT NULL))
) STRICT;

CREATE INDEX events_payment ON events (payment, id) WHERE payment IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events is append-only');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE deletes without firing delete triggers.
-- +goose StatementBegin
CREATE TRIGGER events_no_replace BEFORE INSERT ON events WHEN NEW.id IN (SELECT id FROM events)
BEGIN
    SELECT RAISE(ABORT, 'events is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER withdrawals_event_insert AFTER INSERT ON withdrawals
BEGIN
    INSERT INTO events (at, actor, payment, subject, wallet_id, nonce, to_state, outcome, detail)
    SELECT NEW.created_at, u.actor, NEW.payment, 'withdrawal', n.wallet_id, n.nonce, NEW.state, NEW.outcome, NEW.reason
    FROM author u LEFT JOIN nonces n ON n.request = NEW.request AND n.row_no = NEW.row_no;
END;
-- +goose StatementEnd
-- What a payment ends with is the nonce and the transaction that it ended with, also if its request lost the nonce.
-- +goose StatementBegin
CREATE TRIGGER withdrawals_event_update AFTER UPDATE OF state, outcome, reason ON withdrawals
WHEN OLD.state <> NEW.state OR OLD.outcome IS NOT NEW.outcome OR OLD.reason <> NEW.reason
BEGIN
    INSERT INTO events (at, actor, payment, subject, wallet_id, nonce, from_state, to_state, outcome, detail, hash)
    SELECT NEW.updated_at, u.actor, NEW.payment, 'withdrawal',
        coalesce(n.wallet_id, iif(NEW.state = 'ended', a.wallet_id, NULL)), coalesce(n.nonce, iif(NEW.state = 'ended', a.nonce, NULL)),
        OLD.state, NEW.state, NEW.outcome, NEW.reason, iif(NEW.state <> 'queued', a.hash, NULL)
    FROM author u
    LEFT JOIN nonces n ON n.request = NEW.request AND n.row_no = NEW.row_no
    LEFT JOIN attempts a ON a.id = (SELECT x.id FROM attempts x WHERE x.payment = NEW.payment
        ORDER BY x.state IN ('mined', 'final') DESC, x.id DESC LIMIT 1);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attempts_event_insert AFTER INSERT ON attempts
BEGIN
    INSERT INTO events (at, actor, payment, subject, attempt, purpose, wallet_id, nonce, to_state, detail, hash)
    SELECT NEW.updated_at, u.actor, NEW.payment, 'attempt', NEW.id, NEW.purpose, NEW.wallet_id, NEW.nonce, NEW.state, NEW.note, NEW.hash
    FROM author u;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attempts_event_update AFTER UPDATE OF state, note ON attempts WHEN OLD.state <> NEW.state OR OLD.note <> NEW.note
BEGIN
    INSERT INTO events (at, actor, payment, subject, attempt, purpose, wallet_id, nonce, from_state, to_state, detail, hash)
    SELECT NEW.updated_at, u.actor, NEW.payment, 'attempt', NEW.id, NEW.purpose, NEW.wallet_id, NEW.nonce,
        OLD.state, NEW.state, NEW.note, NEW.hash
    FROM author u;
END;
-- +goose StatementEnd

-- What was there before: as it stands now.
INSERT INTO events (at, actor, payment, subject, wallet_id, nonce, to_state, outcome, detail, hash)
SELECT w.updated_at, 'migration', w.payment, 'withdrawal', n.wallet_id, n.nonce, w.state, w.outcome, w.reason,
    (SELECT a.hash FROM attempts a WHERE a.payment = w.payment ORDER BY a.id DESC LIMIT 1)
FROM withdrawals w
LEFT JOIN nonces n ON n.request = w.request AND n.row_no = w.row_no
ORDER BY w.seq;

-- +goose Down
DROP TRIGGER withdrawals_event_insert;
DROP TRIGGER withdrawals_event_update;
DROP TRIGGER attempts_event_insert;
DROP TRIGGER attempts_event_update;
DROP TABLE events;
DROP TABLE author;
