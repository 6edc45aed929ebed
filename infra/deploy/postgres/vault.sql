-- The keys of personal data live apart from the read models: this database must never be lost, the other may be dropped.
create database vault;
