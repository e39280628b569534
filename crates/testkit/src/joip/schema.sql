CREATE TABLE users (
  id VARCHAR PRIMARY KEY,
  email VARCHAR UNIQUE,
  firstName VARCHAR,
  lastName VARCHAR,
  profileImageUrl VARCHAR,
  subscriptionTier VARCHAR,
  createdAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE user_activity_logs (
  id SERIAL PRIMARY KEY,
  userId VARCHAR REFERENCES users(id),
  action VARCHAR NOT NULL,
  feature VARCHAR NOT NULL,
  details JSONB,
  ipAddress VARCHAR,
  userAgent TEXT,
  sessionId VARCHAR,
  createdAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE user_usage_stats (
  id SERIAL PRIMARY KEY,
  userId VARCHAR UNIQUE REFERENCES users(id),
  
  -- Session metrics
  sessionsCreated INTEGER DEFAULT 0,
  sessionsViewed INTEGER DEFAULT 0,
  sessionsEdited INTEGER DEFAULT 0,
  sessionsDeleted INTEGER DEFAULT 0,
  sessionsShared INTEGER DEFAULT 0,
  sessionsFavorited INTEGER DEFAULT 0,
  
  -- Caption metrics
  smartCaptionsGenerated INTEGER DEFAULT 0,
  customCaptionsGenerated INTEGER DEFAULT 0,
  captionThemeJoi INTEGER DEFAULT 0,
  captionThemeForcedBi INTEGER DEFAULT 0,
  captionThemeBeta INTEGER DEFAULT 0,
  captionThemeCbt INTEGER DEFAULT 0,
  captionThemeCuckold INTEGER DEFAULT 0,
  
  -- Babecock metrics
  babecockImagesCreated INTEGER DEFAULT 0,
  babecockRemixesCreated INTEGER DEFAULT 0,
  babecockLayoutsSideBySide INTEGER DEFAULT 0,
  babecockLayoutsTopBottom INTEGER DEFAULT 0,
  
  -- Media metrics
  mediaUploaded INTEGER DEFAULT 0,
  mediaDeleted INTEGER DEFAULT 0,
  mediaShared INTEGER DEFAULT 0,
  mediaDownloaded INTEGER DEFAULT 0,
  bulkDownloads INTEGER DEFAULT 0,
  
  -- General metrics
  loginCount INTEGER DEFAULT 0,
  pagesViewed INTEGER DEFAULT 0,
  apiCallsTotal INTEGER DEFAULT 0,
  timeSpentMinutes INTEGER DEFAULT 0,
  
  firstActivityAt TIMESTAMP,
  lastActivityAt TIMESTAMP,
  updatedAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE content_sessions (
  id VARCHAR PRIMARY KEY,
  userId VARCHAR REFERENCES users(id),
  title VARCHAR,
  createdAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE media_vault (
  id VARCHAR PRIMARY KEY,
  userId VARCHAR REFERENCES users(id),
  fileName VARCHAR,
  createdAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE referrals (
  id SERIAL PRIMARY KEY,
  referrerId VARCHAR REFERENCES users(id),
  refereeId VARCHAR UNIQUE REFERENCES users(id),
  referralCode VARCHAR NOT NULL,
  creditsAwarded INTEGER DEFAULT 0,
  createdAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE credit_transactions (
  id SERIAL PRIMARY KEY,
  userId VARCHAR REFERENCES users(id),
  type VARCHAR NOT NULL,
  credits INTEGER NOT NULL,
  priceCents INTEGER,
  createdAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE community_shares (
  id SERIAL PRIMARY KEY,
  userId VARCHAR REFERENCES users(id),
  contentType VARCHAR NOT NULL,
  contentId VARCHAR NOT NULL,
  createdAt TIMESTAMP DEFAULT NOW()
);

CREATE TABLE community_likes (
  id SERIAL PRIMARY KEY,
  shareId INTEGER REFERENCES community_shares(id),
  userId VARCHAR REFERENCES users(id),
  createdAt TIMESTAMP DEFAULT NOW()
);
